// Finding the SOCKET of one of Node's handles.

#ifndef TCPINFO_SOCKET_NATIVE_WINDOWS_SOCKET_H_
#define TCPINFO_SOCKET_NATIVE_WINDOWS_SOCKET_H_

#include <node_api.h>

namespace tcpinfo {

// The SOCKET of a TCP handle as Node wraps it (`socket._handle`); -1 when it
// has none now, or is closed or closing; -2 when it is open and not found among
// the loop's TCP handles.
int SocketOf(napi_env env, napi_value handle);

}  // namespace tcpinfo

#endif  // TCPINFO_SOCKET_NATIVE_WINDOWS_SOCKET_H_
