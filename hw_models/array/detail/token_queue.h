// The wires between the modules of the detailed array.
#pragma once

#include <deque>

#include "sim/base/types.h"

namespace tessera::hw::detail {

/// A wire with an elastic register at its end: a token put on it is seen from a stated cycle on, in
/// order. A token seen in the cycle of its making is a combinational path, one cycle later a
/// register.
template <typename Token>
class TokenQueue {
 public:
  void push(Cycle seen_from, const Token& token) { tokens_.push_back({seen_from, token}); }
  bool ready(Cycle now) const { return !tokens_.empty() && tokens_.front().seen_from <= now; }
  const Token& front() const { return tokens_.front().token; }
  Token pop() {
    const Token token = tokens_.front().token;
    tokens_.pop_front();
    return token;
  }
  bool empty() const { return tokens_.empty(); }

 private:
  struct Entry {
    Cycle seen_from;
    Token token;
  };
  std::deque<Entry> tokens_;
};

}  // namespace tessera::hw::detail
