// Stands in for the part of the Windows kernel that Wine does not have:
// WSAIoctl(SIO_TCP_INFO). Only for tests, and only under Wine.
//
// The WSAIoctl that the loaded prebuild imports is replaced by one that answers
// with the figures of the Linux socket under Wine's, or plays the bad days that
// configure() asks for. tcp-info-host.py, outside Wine, makes the call and lays
// the answer out as Windows would: through QEMU, Linux's answer would be cut
// off.

#include <winsock2.h>
// After it.
#include <mstcpip.h>
#include <node_api.h>
#include <stdint.h>
#include <string.h>

namespace {

enum Mode : int32_t {
  kKernel,     // the figures of the Linux socket
  kConnected,  // likewise, but 10045 for one that is not connected
  kOpen,       // likewise, but 10045 as soon as the connection is over
  kPattern,    // every byte is its own offset, no question is asked
};

struct {
  int32_t mode = kKernel;
  int32_t refusals[3] = {};  // by version: an error number, 0 to answer
  int32_t returned = -1;     // what is claimed to have been filled, if not -1
} config;
int32_t calls = 0;

char socket_path[108] = {};

// Linux's own, below Wine.
#ifdef __x86_64__
enum { kClose = 3, kSocket = 41, kConnect = 42, kSendmsg = 46, kRead = 0 };
intptr_t Syscall(intptr_t number, intptr_t a, intptr_t b = 0, intptr_t c = 0) {
  intptr_t result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c)
               : "rcx", "r11", "memory");
  return result;
}
#else
enum { kClose = 57, kSocket = 198, kConnect = 203, kSendmsg = 211, kRead = 63 };
intptr_t Syscall(intptr_t number, intptr_t a, intptr_t b = 0, intptr_t c = 0) {
  register intptr_t x8 asm("x8") = number;
  register intptr_t x0 asm("x0") = a;
  register intptr_t x1 asm("x1") = b;
  register intptr_t x2 asm("x2") = c;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}
#endif

// Linux's struct msghdr and what goes with it.
struct Vector {
  void* base;
  uint64_t length;
};
struct Message {
  void* name;
  uint32_t name_length;
  Vector* vectors;
  uint64_t vector_count;
  void* control;
  uint64_t control_length;
  int32_t flags;
};
struct Control {
  uint64_t length = 20;
  int32_t level = 1;  // SOL_SOCKET
  int32_t type = 1;   // SCM_RIGHTS
  int32_t descriptor;
  int32_t padding;
};

// TCP_INFO_v2 of a Linux descriptor, from the program outside.
bool AskHost(int descriptor, uint8_t* info) {
  struct {
    uint16_t family = 1;  // AF_UNIX
    char path[108];
  } address;
  memcpy(address.path, socket_path, sizeof(address.path));
  const intptr_t host = Syscall(kSocket, 1, 1, 0);
  if (host < 0) return false;
  char byte = 0;
  Vector vector = {&byte, 1};
  Control control;
  control.descriptor = descriptor;
  Message message = {nullptr, 0, &vector, 1, &control, sizeof(control), 0};
  const bool answered =
      Syscall(kConnect, host, reinterpret_cast<intptr_t>(&address), 110) == 0 &&
      Syscall(kSendmsg, host, reinterpret_cast<intptr_t>(&message), 0) == 1 &&
      Syscall(kRead, host, reinterpret_cast<intptr_t>(info), 152) == 152;
  Syscall(kClose, host);
  return answered;
}

bool AskKernel(SOCKET socket, uint8_t* info) {
  using HandleToFd = LONG(CDECL*)(HANDLE, unsigned, int*, unsigned*);
  const auto handle_to_fd =
      reinterpret_cast<HandleToFd>(reinterpret_cast<void*>(GetProcAddress(
          GetModuleHandleW(L"ntdll.dll"), "wine_server_handle_to_fd")));
  int descriptor;
  if (handle_to_fd == nullptr || handle_to_fd(reinterpret_cast<HANDLE>(socket),
                                              0, &descriptor, nullptr) != 0) {
    return false;
  }
  const bool answered = AskHost(descriptor, info);
  Syscall(kClose, descriptor);
  return answered;
}

int Refuse(int error) {
  WSASetLastError(error);
  return SOCKET_ERROR;
}

int WSAAPI StandIn(SOCKET socket, DWORD code, void* in, DWORD in_size,
                   void* out, DWORD out_size, DWORD* returned,
                   WSAOVERLAPPED* overlapped,
                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine) {
  constexpr DWORD kSizes[] = {88, 136, 152};
  calls++;
  // As the documentation has it: what is asked wrongly is refused.
  if (code != SIO_TCP_INFO || in == nullptr || in_size != sizeof(DWORD)) {
    return Refuse(WSAEMSGSIZE);
  }
  DWORD version;
  memcpy(&version, in, sizeof(version));
  if (version > 2 || out == nullptr || out_size != kSizes[version] ||
      returned == nullptr || overlapped != nullptr || routine != nullptr) {
    return Refuse(WSAEINVAL);
  }
  if (config.refusals[version] != 0) return Refuse(config.refusals[version]);
  uint8_t info[152];
  if (config.mode == kPattern) {
    for (size_t i = 0; i < sizeof(info); i++) info[i] = static_cast<uint8_t>(i);
    info[0] = 4;  // ESTABLISHED, or it would be no state at all
    info[1] = info[2] = info[3] = 0;
  } else {
    if (!AskKernel(socket, info)) return Refuse(WSAENOTSOCK);
    const bool is_over = info[0] == 0;
    const bool is_connected = !is_over && info[0] > 3;
    if ((config.mode == kConnected && !is_connected && !is_over) ||
        (config.mode == kOpen && is_over)) {
      return Refuse(WSAEOPNOTSUPP);
    }
  }
  memcpy(out, info, out_size);
  *returned =
      config.returned >= 0 ? static_cast<DWORD>(config.returned) : out_size;
  return 0;
}

// Puts StandIn into the import table of a loaded module.
bool Patch(uint8_t* module) {
  const auto* dos = reinterpret_cast<IMAGE_DOS_HEADER*>(module);
  const auto* nt = reinterpret_cast<IMAGE_NT_HEADERS*>(module + dos->e_lfanew);
  const auto& table =
      nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];
  auto* from =
      reinterpret_cast<IMAGE_IMPORT_DESCRIPTOR*>(module + table.VirtualAddress);
  for (; from->Name != 0; from++) {
    auto* name =
        reinterpret_cast<IMAGE_THUNK_DATA*>(module + from->OriginalFirstThunk);
    auto* slot = reinterpret_cast<IMAGE_THUNK_DATA*>(module + from->FirstThunk);
    for (; name->u1.AddressOfData != 0; name++, slot++) {
      if (IMAGE_SNAP_BY_ORDINAL(name->u1.Ordinal)) continue;
      const auto* import = reinterpret_cast<IMAGE_IMPORT_BY_NAME*>(
          module + name->u1.AddressOfData);
      if (strcmp(import->Name, "WSAIoctl") != 0) continue;
      DWORD before;
      VirtualProtect(slot, sizeof(*slot), PAGE_READWRITE, &before);
      slot->u1.Function = reinterpret_cast<ULONG_PTR>(&StandIn);
      VirtualProtect(slot, sizeof(*slot), before, &before);
      return true;
    }
  }
  return false;
}

int32_t IntOf(napi_env env, napi_value value) {
  double number = 0;
  napi_get_value_double(env, value, &number);
  return static_cast<int32_t>(number);
}

napi_value Answer(napi_env env, int32_t value) {
  napi_value number = nullptr;
  napi_create_int32(env, value, &number);
  return number;
}

// install(path as bytes of a Uint8Array): 1 when the prebuild is patched
napi_value Install(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value path;
  napi_get_cb_info(env, info, &count, &path, nullptr, nullptr);
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  napi_get_typedarray_info(env, path, &type, &length, &data, nullptr, nullptr);
  if (length >= sizeof(socket_path)) return Answer(env, 0);
  memcpy(socket_path, data, length);
  auto* module =
      reinterpret_cast<uint8_t*>(GetModuleHandleW(L"tcpinfo-socket.node"));
  return Answer(env, module != nullptr && Patch(module));
}

// configure(mode, returned, refusal of v0, of v1, of v2)
napi_value Configure(napi_env env, napi_callback_info info) {
  size_t count = 5;
  napi_value values[5];
  napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  config.mode = IntOf(env, values[0]);
  config.returned = IntOf(env, values[1]);
  for (int i = 0; i < 3; i++) config.refusals[i] = IntOf(env, values[2 + i]);
  return nullptr;
}

// calls(): how many there were so far
napi_value Calls(napi_env env, napi_callback_info) {
  return Answer(env, calls);
}

}  // namespace

NAPI_MODULE_INIT() {
  const struct {
    const char* name;
    napi_callback function;
  } functions[] = {
      {"install", Install}, {"configure", Configure}, {"calls", Calls}};
  for (const auto& [name, function] : functions) {
    napi_value value = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr,
                         &value);
    napi_set_named_property(env, exports, name, value);
  }
  return exports;
}
