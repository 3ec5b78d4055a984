// Fuzzes native/windows_socket.cc: which of a loop's handles it takes for the
// one behind an object, when handles open, close and are freed meanwhile, and
// objects throw, lie or stand for another.
//
// Node-API and libuv are mocks. What they know is only what windows_socket.cc
// asks; test/windows asks the real ones, under Wine.

#include "windows_socket.h"

#include <fuzzer/FuzzedDataProvider.h>
#include <stdint.h>
#include <string.h>

#include <memory>
#include <vector>

struct uv_handle_s {
  int type;
  bool has_ref;
  bool is_closing;
  intptr_t socket;
};

namespace {

constexpr int kUvTcp = 12;

void Expect(bool holds) {
  if (!holds) __builtin_trap();
}

// What an object is, beneath its methods. Not among them is one that stands for
// another's handle until that is closed, and then claims to be open: it would
// be believed, and only a program that means to crash makes it.
enum Kind {
  kNode,      // one of Node's handles
  kDelegate,  // whose methods call those of one of Node's handles
  kLiar,      // whose methods answer as one of Node's, without a handle
  kThrows,    // some of whose methods throw
  kOdd,       // whose methods answer with something else, or are missing
  kLast = kOdd,
};

}  // namespace

struct napi_value__ {
  enum { kUndefined, kBoolean, kFunction, kObject } type;
  bool boolean = false;
  char method = 0;  // of a function: the first letter
  // Of an object.
  Kind kind = kNode;
  uv_handle_s* handle = nullptr;  // until close()
  napi_value__* other = nullptr;
  unsigned odd_methods = 0;  // a bit for each
  void* wrapped = nullptr;
  napi_type_tag tag = {};
  bool is_tagged = false;
};

namespace {

std::vector<std::unique_ptr<uv_handle_s>> loop;
std::vector<std::unique_ptr<napi_value__>> objects;
// What a call gives; as many as SocketOf makes.
std::vector<std::unique_ptr<napi_value__>> results;
bool is_exception_pending;

napi_value Result(napi_value__ value) {
  results.emplace_back(new napi_value__(value));
  return results.back().get();
}

napi_value Boolean(bool value) {
  return Result({napi_value__::kBoolean, value});
}

unsigned BitOf(char method) {
  return method == 'h' ? 1 : method == 'r' ? 2 : 4;
}

// What Node's own methods do (src/handle_wrap.cc): nothing once closed.
napi_value CallNode(napi_value__* object, char method) {
  uv_handle_s* const handle = object->handle;
  if (method == 'h') return Boolean(handle != nullptr && handle->has_ref);
  if (handle != nullptr) handle->has_ref = method == 'r';
  return Result({napi_value__::kUndefined});
}

// nullptr: it threw.
napi_value CallObject(napi_value__* object, char method) {
  const bool is_odd = (object->odd_methods & BitOf(method)) != 0;
  switch (object->kind) {
    case kNode:
      return CallNode(object, method);
    case kDelegate:
      return CallNode(object->other, method);
    case kThrows:
      if (is_odd) return nullptr;
      return CallNode(object, method);
    case kOdd:
      if (is_odd) return Result({napi_value__::kUndefined});
      [[fallthrough]];
    default:
      if (method == 'h') return Boolean(object->boolean);
      object->boolean = method == 'r';
      return Result({napi_value__::kUndefined});
  }
}

}  // namespace

extern "C" {

napi_status napi_typeof(napi_env, napi_value value, napi_valuetype* type) {
  *type = value->type == napi_value__::kObject ? napi_object : napi_undefined;
  return napi_ok;
}

napi_status napi_get_prototype(napi_env, napi_value object, napi_value* out) {
  *out = object;
  return napi_ok;
}

napi_status napi_get_named_property(napi_env, napi_value object,
                                    const char* name, napi_value* out) {
  if (is_exception_pending) return napi_pending_exception;
  // A getter may throw too.
  if (object->kind == kThrows && (object->odd_methods & 8) != 0) {
    is_exception_pending = true;
    return napi_pending_exception;
  }
  napi_value__ function{napi_value__::kFunction};
  if (object->kind == kOdd && (object->odd_methods & 8) != 0) {
    function.type = napi_value__::kUndefined;
  }
  function.method = *name;
  *out = Result(function);
  return napi_ok;
}

napi_status napi_call_function(napi_env, napi_value object, napi_value function,
                               size_t, const napi_value*, napi_value* out) {
  if (is_exception_pending) return napi_pending_exception;
  if (function->type != napi_value__::kFunction) return napi_invalid_arg;
  *out = CallObject(object, function->method);
  is_exception_pending = *out == nullptr;
  return is_exception_pending ? napi_pending_exception : napi_ok;
}

napi_status napi_get_and_clear_last_exception(napi_env, napi_value* out) {
  is_exception_pending = false;
  *out = Result({napi_value__::kUndefined});
  return napi_ok;
}

napi_status napi_get_value_bool(napi_env, napi_value value, bool* out) {
  if (value->type != napi_value__::kBoolean) return napi_boolean_expected;
  *out = value->boolean;
  return napi_ok;
}

napi_status napi_check_object_type_tag(napi_env, napi_value object,
                                       const napi_type_tag* tag, bool* out) {
  *out = object->is_tagged && memcmp(&object->tag, tag, sizeof(*tag)) == 0;
  return napi_ok;
}

napi_status napi_type_tag_object(napi_env, napi_value object,
                                 const napi_type_tag* tag) {
  if (object->is_tagged) return napi_invalid_arg;
  object->is_tagged = true;
  object->tag = *tag;
  return napi_ok;
}

napi_status napi_wrap(napi_env, napi_value object, void* native, napi_finalize,
                      void*, napi_ref*) {
  if (object->wrapped != nullptr) return napi_invalid_arg;
  object->wrapped = native;
  return napi_ok;
}

napi_status napi_unwrap(napi_env, napi_value object, void** native) {
  if (object->wrapped == nullptr) return napi_invalid_arg;
  *native = object->wrapped;
  return napi_ok;
}

napi_status napi_get_uv_event_loop(napi_env, uv_loop_s** out) {
  *out = nullptr;
  return napi_ok;
}

void uv_walk(uv_loop_s*, void (*each)(uv_handle_s*, void*), void* argument) {
  for (const auto& handle : loop) each(handle.get(), argument);
}
int uv_has_ref(const uv_handle_s* handle) { return handle->has_ref; }
int uv_handle_get_type(const uv_handle_s* handle) { return handle->type; }
int uv_fileno(const uv_handle_s* handle, void** socket) {
  if (handle->type != kUvTcp || handle->is_closing || handle->socket == -1) {
    return -9;
  }
  *socket = reinterpret_cast<void*>(handle->socket);
  return 0;
}

}  // extern "C"

namespace {

void Open(FuzzedDataProvider* input) {
  static intptr_t number = 0;
  number = number % 1'000'000 + 4;
  std::unique_ptr<napi_value__> object(new napi_value__{napi_value__::kObject});
  const auto kind = static_cast<Kind>(
      input->ConsumeBool() ? kNode
                           : input->ConsumeIntegralInRange<int>(0, kLast));
  object->kind = kind;
  object->odd_methods = input->ConsumeIntegralInRange(0u, 15u);
  object->boolean = input->ConsumeBool();
  if (kind == kDelegate) {
    for (const auto& other : objects) {
      if (other->kind == kNode) object->other = other.get();
    }
    if (object->other == nullptr) return;
  }
  if (kind == kNode || kind == kThrows) {
    loop.emplace_back(new uv_handle_s{
        input->ConsumeIntegralInRange(0, 3) == 0 ? kUvTcp - 1 : kUvTcp,
        input->ConsumeBool(), false,
        input->PickValueInArray<intptr_t>({number, number, number, -1, 0,
                                           INT32_MAX, intptr_t{INT32_MAX} + 1,
                                           INTPTR_MIN})});
    object->handle = loop.back().get();
  }
  // Somebody else's.
  if (input->ConsumeIntegralInRange(0, 7) == 0) {
    object->wrapped = object.get();
  }
  if (input->ConsumeIntegralInRange(0, 7) == 0) {
    object->is_tagged = true;
    object->tag = {1, 2};
  }
  objects.push_back(std::move(object));
}

void Close(napi_value__* object) {
  if (object->handle == nullptr) return;
  object->handle->is_closing = true;
  object->handle = nullptr;
}

// The loop goes on: what is closing is freed.
void Turn() {
  for (size_t i = loop.size(); i-- > 0;) {
    if (loop[i]->is_closing) loop.erase(loop.begin() + static_cast<long>(i));
  }
}

void Ask(napi_value__* object) {
  std::vector<bool> before;
  for (const auto& handle : loop) before.push_back(handle->has_ref);
  const int answer = tcpinfo::SocketOf(nullptr, object);
  results.clear();
  Expect(!is_exception_pending);
  Expect(answer >= -2 && answer != 0);
  if (object->kind == kLiar) Expect(answer == -2);
  if (object->kind == kOdd) Expect(answer < 0);
  const napi_value__* const real =
      object->kind == kDelegate ? object->other : object;
  int expected = -1;
  if (const uv_handle_s* const handle = real->handle) {
    if (handle->type != kUvTcp) {
      expected = -2;
    } else if (handle->socket > 0 && handle->socket <= INT32_MAX) {
      expected = static_cast<int>(handle->socket);
    }
  }
  if (object->kind == kThrows) Expect(answer < 0 || answer == expected);
  if (object->kind == kNode || object->kind == kDelegate) {
    Expect(answer == expected);
  }
  // Whose methods fail in between can't be put back.
  if (object->kind == kThrows || object->kind == kOdd) return;
  for (size_t i = 0; i < loop.size(); i++) {
    Expect(loop[i]->has_ref == before[i]);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  while (input.remaining_bytes() > 0) {
    const int action = input.ConsumeIntegralInRange(0, 9);
    if (action < 3) {
      Open(&input);
      continue;
    }
    if (action == 3) {
      Turn();
      continue;
    }
    if (action == 4) {
      // More than there is room for at first.
      for (int i = 0; i < 70; i++) {
        loop.emplace_back(new uv_handle_s{kUvTcp, false, false, 3});
      }
      continue;
    }
    if (objects.empty()) continue;
    napi_value__* const object =
        objects[input.ConsumeIntegralInRange<size_t>(0, objects.size() - 1)]
            .get();
    if (action == 5) {
      Close(object);
    } else if (action == 6) {
      if (object->handle != nullptr) {
        object->handle->has_ref = input.ConsumeBool();
      }
    } else {
      Ask(object);
    }
  }
  objects.clear();
  loop.clear();
  napi_value__ none{napi_value__::kUndefined};
  Expect(tcpinfo::SocketOf(nullptr, &none) == -1);
  return 0;
}
