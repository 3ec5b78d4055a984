// The rival of bench/read.mjs: getsockopt(TCP_INFO) in a bare C loop, timed
// inside C, in the same process and on the same descriptors.

#define NAPI_VERSION 8
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <node_api.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#ifdef WITH_VALGRIND
#include <valgrind/callgrind.h>
#endif

static void Read(int descriptor) {
  uint8_t bytes[512];
  socklen_t length = sizeof(bytes);
  getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, bytes, &length);
}

// loop(descriptors: Int32Array, count): nanoseconds per call, when each of them is
// read as often
static napi_value Loop(napi_env env, napi_callback_info info) {
  size_t argc = 2;
  napi_value argv[2];
  int32_t count;
  void* descriptors;
  size_t length;
  napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
  napi_get_typedarray_info(env, argv[0], NULL, &length, &descriptors, NULL,
                           NULL);
  napi_get_value_int32(env, argv[1], &count);
  struct timespec from, to;
  clock_gettime(CLOCK_MONOTONIC, &from);
  for (int32_t i = 0; i < count; i++) {
    for (size_t at = 0; at < length; at++) Read(((int32_t*)descriptors)[at]);
  }
  clock_gettime(CLOCK_MONOTONIC, &to);
  napi_value result;
  napi_create_double(
      env,
      ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / count /
          length,
      &result);
  return result;
}

#ifdef WITH_VALGRIND
// dump(): callgrind writes what it has counted so far, and begins anew
static napi_value Dump(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
  CALLGRIND_DUMP_STATS;
  return NULL;
}
#endif

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "loop", NAPI_AUTO_LENGTH, Loop, NULL, &function);
  napi_set_named_property(env, exports, "loop", function);
#ifdef WITH_VALGRIND
  napi_create_function(env, "dump", NAPI_AUTO_LENGTH, Dump, NULL, &function);
  napi_set_named_property(env, exports, "dump", function);
#endif
  return exports;
}
