// Fuzzes the JavaScript surface of native/addon.cc: its functions, called with
// arguments of any kind and number, on real sockets.
//
// Node-API is a mock: values are what the input makes of them, also those that
// a Node would not give. (test/support/junk.mjs calls with junk too, and there
// Node is real.)

#include <errno.h>
#include <fuzzer/FuzzedDataProvider.h>
#include <node_api.h>
#include <string.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sockets.h"
#include "tcp_info.h"

// The addon's operator delete, which frees what `new` of the sanitizer gave.
extern "C" const char* __asan_default_options() {
  return "alloc_dealloc_mismatch=0";
}

struct napi_value__ {
  enum Kind { kUndefined, kNumber, kBuffer, kArray, kText, kFunction } kind;
  double number = 0;
  // Unknown to this Node if below zero: a Float16Array in Node 24.0.
  int type = -1;
  // In the middle of nothing else, so that a byte too far is seen.
  uint8_t* data = nullptr;
  size_t bytes = 0;
  size_t length = 0;
  std::string text = {};
  napi_callback function = nullptr;
};

namespace {

void Expect(bool holds) {
  if (!holds) __builtin_trap();
}

// What lives as long as one call.
std::deque<napi_value__> values;
std::vector<std::unique_ptr<uint8_t[]>> memory;
const std::vector<napi_value>* arguments;
std::map<std::string, napi_callback> functions;

napi_value Make(napi_value__ value) {
  values.push_back(std::move(value));
  return &values.back();
}

napi_value__ Memory(napi_value__::Kind kind, size_t bytes) {
  napi_value__ value{kind};
  value.bytes = bytes;
  memory.emplace_back(new uint8_t[bytes]());
  // An empty one may have an address or none.
  value.data = bytes == 0 ? nullptr : memory.back().get();
  return value;
}

constexpr size_t kWidths[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};

class Call {
 public:
  Call(FuzzedDataProvider* input, const Sockets& sockets)
      : input_(input), sockets_(sockets) {}

  napi_value Number() {
    napi_value__ value{napi_value__::kNumber};
    switch (input_->ConsumeIntegralInRange(0, 3)) {
      case 0:
        value.number = Descriptor();
        break;
      case 1:
        value.number = input_->ConsumeIntegralInRange(-2, 600);
        break;
      case 2: {
        // Any bits: NaN, infinities, too large, not whole.
        const auto bits = input_->ConsumeIntegral<uint64_t>();
        memcpy(&value.number, &bits, sizeof(bits));
        break;
      }
      default:
        value.number = input_->ConsumeIntegral<int32_t>();
    }
    return Make(value);
  }

  napi_value Buffer() {
    const napi_value__ buffer = Memory(
        napi_value__::kBuffer, input_->ConsumeIntegralInRange<size_t>(0, 1100));
    // Room for two endpoints; the rest stays zero.
    const size_t some = buffer.bytes < 48 ? buffer.bytes : 48;
    if (some > 0 && input_->ConsumeBool()) {
      input_->ConsumeData(buffer.data, some);
    }
    return Make(buffer);
  }

  napi_value Array(int type) {
    const auto length = input_->ConsumeIntegralInRange<size_t>(0, 40);
    napi_value__ array =
        Memory(napi_value__::kArray,
               length * (type < 0 ? 2 : kWidths[type]) *
                   (type == napi_uint8_array
                        ? input_->ConsumeIntegralInRange<size_t>(1, 100)
                        : 1));
    array.type = type;
    array.length = type == napi_uint8_array ? array.bytes : length;
    if (type == napi_int32_array) {
      for (size_t i = 0; i < length; i++) {
        const int descriptor = Descriptor();
        memcpy(array.data + i * sizeof(descriptor), &descriptor,
               sizeof(descriptor));
      }
    }
    return Make(array);
  }

  napi_value Anything() {
    switch (input_->ConsumeIntegralInRange(0, 4)) {
      case 0:
        return Number();
      case 1:
        return Buffer();
      case 2:
        return Array(input_->ConsumeIntegralInRange(-1, 10));
      case 3:
        // The memory of an argument before it.
        return values.empty() ? Number() : &values.back();
      default:
        return Make({napi_value__::kUndefined});
    }
  }

 private:
  int Descriptor() {
    const auto& all = sockets_.descriptors();
    return all[input_->ConsumeIntegralInRange<size_t>(0, all.size() - 1)];
  }

  FuzzedDataProvider* input_;
  const Sockets& sockets_;
};

// What would be right, by argument, so that calls get beyond the first check.
napi_value Likely(Call* call, const std::string& name, size_t index) {
  if (name == "readMany") {
    return index == 2   ? call->Number()
           : index == 1 ? call->Array(napi_uint8_array)
                        : call->Array(napi_int32_array);
  }
  const size_t buffer_at = name == "formatAddress" ? 0 : 1;
  return index == buffer_at ? call->Buffer() : call->Number();
}

// The addon's own rules for its arguments, in other words.
class Rules {
 public:
  explicit Rules(const std::vector<napi_value>& given) : given_(given) {}

  bool Allow(const std::string& name) const {
    if (name == "probe" || name == "keepsPeer") return true;
    if (name == "formatAddress") return HasRoom(0, sizeof(tcpinfo::Endpoint));
    if (name == "readMany") {
      return IsArray(0, napi_int32_array) && IsArray(1, napi_uint8_array) &&
             IsInt(2) && IsArray(3, napi_int32_array) &&
             given_[2]->number >= 1 && given_[3]->length >= given_[0]->length &&
             given_[2]->number * static_cast<double>(given_[0]->length) <=
                 static_cast<double>(given_[1]->bytes);
    }
    return IsInt(0) &&
           (name == "readState" ||
            HasRoom(1, name == "readInfo" ? sizeof(uint64_t) + 1
                                          : 2 * sizeof(tcpinfo::Endpoint)));
  }

 private:
  bool Is(size_t index, napi_value__::Kind kind) const {
    return index < given_.size() && given_[index]->kind == kind;
  }
  bool IsInt(size_t index) const {
    return Is(index, napi_value__::kNumber) &&
           given_[index]->number >= INT32_MIN &&
           given_[index]->number <= INT32_MAX &&
           given_[index]->number == static_cast<int32_t>(given_[index]->number);
  }
  bool IsArray(size_t index, int type) const {
    return Is(index, napi_value__::kArray) && given_[index]->type == type;
  }
  bool HasRoom(size_t index, size_t needed) const {
    return Is(index, napi_value__::kBuffer) && IsInt(index + 1) &&
           given_[index + 1]->number >= 0 &&
           given_[index + 1]->number + static_cast<double>(needed) <=
               static_cast<double>(given_[index]->bytes);
  }

  const std::vector<napi_value>& given_;
};

}  // namespace

extern "C" {

napi_status napi_get_cb_info(napi_env, napi_callback_info, size_t* count,
                             napi_value* out, napi_value*, void**) {
  static napi_value__ undefined{napi_value__::kUndefined};
  for (size_t i = 0; i < *count; i++) {
    out[i] = i < arguments->size() ? (*arguments)[i] : &undefined;
  }
  *count = arguments->size();
  return napi_ok;
}

napi_status napi_get_value_double(napi_env, napi_value value, double* out) {
  if (value->kind != napi_value__::kNumber) return napi_number_expected;
  *out = value->number;
  return napi_ok;
}

napi_status napi_get_arraybuffer_info(napi_env, napi_value value, void** data,
                                      size_t* bytes) {
  if (value->kind != napi_value__::kBuffer) return napi_invalid_arg;
  *data = value->data;
  *bytes = value->bytes;
  return napi_ok;
}

napi_status napi_get_typedarray_info(napi_env, napi_value value,
                                     napi_typedarray_type* type, size_t* length,
                                     void** data, napi_value*, size_t*) {
  if (value->kind != napi_value__::kArray) return napi_invalid_arg;
  if (value->type >= 0) *type = static_cast<napi_typedarray_type>(value->type);
  *length = value->length;
  *data = value->data;
  return napi_ok;
}

napi_status napi_create_int32(napi_env, int32_t number, napi_value* out) {
  *out = Make({napi_value__::kNumber, static_cast<double>(number)});
  return napi_ok;
}

napi_status napi_create_string_latin1(napi_env, const char* text, size_t length,
                                      napi_value* out) {
  napi_value__ value{napi_value__::kText};
  value.text.assign(text, length);
  *out = Make(value);
  return napi_ok;
}

napi_status napi_create_function(napi_env, const char* name, size_t,
                                 napi_callback function, void*,
                                 napi_value* out) {
  functions[name] = function;
  static napi_value__ value{napi_value__::kFunction};
  *out = &value;
  return napi_ok;
}

napi_status napi_set_named_property(napi_env, napi_value, const char*,
                                    napi_value) {
  return napi_ok;
}

napi_value napi_register_module_v1(napi_env, napi_value);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Sockets sockets;
  if (functions.empty()) {
    napi_value__ exports{napi_value__::kUndefined};
    // None of the functions that the mock has looks at it.
    auto* const env = reinterpret_cast<napi_env>(&exports);
    napi_register_module_v1(env, &exports);
    Expect(functions.size() == 7);
  }
  FuzzedDataProvider input(data, size);
  auto chosen = functions.begin();
  std::advance(chosen,
               input.ConsumeIntegralInRange<size_t>(0, functions.size() - 1));
  const auto& [name, function] = *chosen;
  Call call(&input, sockets);
  std::vector<napi_value> given(input.ConsumeIntegralInRange<size_t>(0, 6));
  for (size_t i = 0; i < given.size(); i++) {
    given[i] = input.ConsumeIntegralInRange(0, 7) == 0 ? call.Anything()
                                                       : Likely(&call, name, i);
  }
  arguments = &given;
  const napi_value answer = function(nullptr, nullptr);
  const bool is_allowed = Rules(given).Allow(name);
  if (name == "formatAddress") {
    Expect(answer == nullptr ||
           (is_allowed && answer->kind == napi_value__::kText &&
            answer->text.size() >= 2 &&
            answer->text.size() < tcpinfo::kMaxAddressText));
  } else {
    Expect(answer != nullptr && answer->kind == napi_value__::kNumber &&
           answer->number >= -4095 && answer->number <= 1100);
    Expect(is_allowed != (answer->number == -EINVAL));
  }
  values.clear();
  memory.clear();
  return 0;
}

}  // extern "C"
