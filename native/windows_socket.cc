// Node tells the descriptor of a handle everywhere but on Windows. libuv has it
// (uv_fileno), once it is known which of the loop's handles is the one that
// Node wraps. So that one is made to show itself: Node is asked to unref() it,
// and of the handles without the flag the one that gets it by ref() is the one.
// Then the flag is as it was.
//
// The uv_tcp_t* is remembered with Node's object. Its memory is freed when Node
// closes the handle, so it is used only while Node says that the handle is not
// closed. Never remembered is the SOCKET itself: Windows gives the number of a
// closed one to the next that is opened.

#include "windows_socket.h"

#include <stdint.h>
#include <stdlib.h>

// Of uv.h as little as is needed, opaque; the same in every libuv 1.x.
extern "C" {
struct uv_loop_s;
struct uv_handle_s;
using uv_walk_cb = void (*)(uv_handle_s* handle, void* arg);
NAPI_EXTERN void uv_walk(uv_loop_s* loop, uv_walk_cb walk_cb, void* arg);
NAPI_EXTERN int uv_has_ref(const uv_handle_s* handle);
NAPI_EXTERN int uv_handle_get_type(const uv_handle_s* handle);
NAPI_EXTERN int uv_fileno(const uv_handle_s* handle, void** descriptor);
}

namespace tcpinfo {
namespace {

constexpr int kUvTcp = 12;  // uv_handle_type

// On Node's objects that carry a uv_tcp_t* of ours; to change with what they
// carry.
constexpr napi_type_tag kTag = {0x7f1a3e5c9b2d4860, 0xb64ad08e17c35f92};

// One of Node's HandleWrap objects. Whatever it is in truth, and whatever its
// methods do, no exception is left behind.
class Handle {
 public:
  Handle(napi_env env, napi_value object) : env_(env), object_(object) {}

  bool IsObject() {
    napi_valuetype type;
    return napi_typeof(env_, object_, &type) == napi_ok &&
           type == napi_object &&
           napi_get_prototype(env_, object_, &prototype_) == napi_ok;
  }

  napi_value Call(const char* method) const {
    napi_value function;
    napi_value result = nullptr;
    // Node's own, whatever somebody put onto this one object.
    if (napi_get_named_property(env_, prototype_, method, &function) !=
            napi_ok ||
        napi_call_function(env_, object_, function, 0, nullptr, &result) !=
            napi_ok) {
      napi_value exception;
      napi_get_and_clear_last_exception(env_, &exception);
      return nullptr;
    }
    return result;
  }

  // Whether it answers at all, in `out` what.
  bool HasRef(bool* out) const {
    *out = false;
    const napi_value result = Call("hasRef");
    return result != nullptr &&
           napi_get_value_bool(env_, result, out) == napi_ok;
  }

  bool HasRef() const {
    bool value;
    return HasRef(&value) && value;
  }

  // hasRef() is false both for a closed handle and for one that unref() was
  // called of; ref() changes only the latter.
  bool IsOpen() const {
    bool has_ref;
    if (!HasRef(&has_ref) || has_ref) return has_ref;
    Call("ref");
    const bool is_open = HasRef();
    if (is_open) Call("unref");
    return is_open;
  }

  uv_handle_s* Remembered() const {
    bool tagged = false;
    void* remembered = nullptr;
    if (napi_check_object_type_tag(env_, object_, &kTag, &tagged) != napi_ok ||
        !tagged || napi_unwrap(env_, object_, &remembered) != napi_ok) {
      return nullptr;
    }
    return static_cast<uv_handle_s*>(remembered);
  }

  void Remember(uv_handle_s* found) const {
    // Somebody else's tag or wrap only makes the next search necessary.
    if (napi_wrap(env_, object_, found, nullptr, nullptr, nullptr) == napi_ok) {
      napi_type_tag_object(env_, object_, &kTag);
    }
  }

 private:
  napi_env env_;
  napi_value object_;
  napi_value prototype_ = nullptr;
};

// The TCP handles of a loop whose flag is not set at one moment.
class Unset {
 public:
  explicit Unset(uv_loop_s* loop) { uv_walk(loop, Record, this); }
  ~Unset() { free(handles_); }
  Unset(const Unset&) = delete;
  Unset& operator=(const Unset&) = delete;

  // The one of them whose flag is set now. (Until the loop goes on no memory of
  // a handle is freed.)
  uv_handle_s* Changed() const {
    uv_handle_s* changed = nullptr;
    for (size_t i = 0; i < count_; i++) {
      if (!uv_has_ref(handles_[i])) continue;
      if (changed != nullptr) return nullptr;
      changed = handles_[i];
    }
    return changed;
  }

 private:
  static void Record(uv_handle_s* handle, void* self) {
    if (!uv_has_ref(handle) && uv_handle_get_type(handle) == kUvTcp) {
      static_cast<Unset*>(self)->Add(handle);
    }
  }

  void Add(uv_handle_s* handle) {
    if (count_ == capacity_) {
      const size_t wanted = capacity_ == 0 ? 64 : 2 * capacity_;
      void* const grown = realloc(handles_, wanted * sizeof(uv_handle_s*));
      if (grown == nullptr) return;
      handles_ = static_cast<uv_handle_s**>(grown);
      capacity_ = wanted;
    }
    handles_[count_++] = handle;
  }

  uv_handle_s** handles_ = nullptr;
  size_t count_ = 0;
  size_t capacity_ = 0;
};

uv_handle_s* Find(napi_env env, const Handle& handle) {
  uv_loop_s* loop;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return nullptr;
  bool before;
  if (!handle.HasRef(&before)) return nullptr;
  handle.Call("unref");
  // A thing whose hasRef() does not follow is none of Node's handles, and could
  // not be trusted with a pointer.
  bool follows = !handle.HasRef();
  const Unset unset(loop);
  handle.Call("ref");
  follows = follows && handle.HasRef();
  uv_handle_s* const found = follows ? unset.Changed() : nullptr;
  if (!before) handle.Call("unref");
  return found;
}

}  // namespace

int SocketOf(napi_env env, napi_value object) {
  Handle handle(env, object);
  if (!handle.IsObject()) return -1;
  uv_handle_s* found = handle.Remembered();
  if (found != nullptr) {
    if (!handle.IsOpen()) return -1;
  } else {
    found = Find(env, handle);
    if (found == nullptr) return handle.IsOpen() ? -2 : -1;
    handle.Remember(found);
  }
  void* socket;
  // Fails for a handle that is closing or has no socket yet.
  if (uv_fileno(found, &socket) != 0) return -1;
  const auto number = reinterpret_cast<intptr_t>(socket);
  return number > 0 && number <= INT32_MAX ? static_cast<int>(number) : -1;
}

}  // namespace tcpinfo
