// SPDX-License-Identifier: Apache-2.0
// Messages between two ranks.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "comm/world.hpp"

namespace enas::comm {

/// Messages from rank to rank that are under way at the same time and are waited for together. Each
/// send needs a receive of the same length and tag on the other rank.
class Exchange {
 public:
  explicit Exchange(World& world);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  /// The memory must stay as it is until wait() returns. Nothing is sent for an empty span.
  void send(std::span<const std::byte> bytes, int to, int tag);
  void send(std::span<const float> values, int to, int tag) {
    send(std::as_bytes(values), to, tag);
  }
  void receive(std::span<std::byte> bytes, int from, int tag);
  void receive(std::span<float> values, int from, int tag) {
    receive(std::as_writable_bytes(values), from, tag);
  }
  /// Waits for all of the above.
  void wait();

 private:
  struct Requests;
  World& world_;
  std::unique_ptr<Requests> requests_;
};

}  // namespace enas::comm
