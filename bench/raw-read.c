// The rival of bench/read.mjs: getsockopt(TCP_INFO) in a bare C loop, timed
// inside C, in the same process and on the same descriptor.

#define NAPI_VERSION 8
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <node_api.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

// loop(descriptor, count): nanoseconds per call
static napi_value Loop(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value argv[2];
  int32_t descriptor, count;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  napi_get_value_int32(env, argv[0], &descriptor);
  napi_get_value_int32(env, argv[1], &count);
  uint8_t bytes[512];
  struct timespec from, to;
  clock_gettime(CLOCK_MONOTONIC, &from);
  for (int32_t i = 0; i < count; i++) {
    socklen_t length = sizeof(bytes);
    getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, bytes, &length);
  }
  clock_gettime(CLOCK_MONOTONIC, &to);
  napi_value result;
  napi_create_double(
      env,
      ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / count,
      &result);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value loop;
  napi_create_function(env, "loop", NAPI_AUTO_LENGTH, Loop, NULL, &loop);
  napi_set_named_property(env, exports, "loop", loop);
  return exports;
}
