// SPDX-License-Identifier: Apache-2.0
// One thread makes batches in the expected order and puts them into a short queue for get().
#include "data/training_prefetch.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "core/error.hpp"

namespace enas::data {
namespace {

constexpr std::size_t kBatchesAhead = 2;

}  // namespace

struct TrainingPrefetch::Worker {
  struct Made {
    ImageBatch batch;
    std::exception_ptr error;
  };

  Worker(const ImageBatches& source, int first, int end)
      : batches(source), first_slot(first), end_slot(end) {}

  const ImageBatches& batches;
  const int first_slot;
  const int end_slot;

  std::optional<TrainingPlace> expected;  ///< what get() should ask for next; of its thread alone

  std::mutex mutex;  // guards what follows up to the thread
  std::condition_variable changed;
  std::optional<TrainingPlace> next;  ///< what is to be made; nothing after the end of a pass
  std::deque<Made> ready;             ///< in order, the first one at `expected`
  std::uint64_t order = 0;  ///< counts changes of the order; batches of an older one are dropped
  bool stop = false;

  std::thread thread;

  /// The place after `place`; nothing at the end of a pass: the step that follows is not known.
  std::optional<TrainingPlace> after(TrainingPlace place) const {
    if (++place.slot < end_slot) return place;
    place.slot = first_slot;
    ++place.step;
    if (++place.index < batches.steps_in_pass()) return place;
    return std::nullopt;
  }

  Made make(const TrainingPlace& place) const {
    try {
      return {batches.training(place), nullptr};
    } catch (...) {
      return {{}, std::current_exception()};
    }
  }

  void run() {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [this] { return stop || (next && ready.size() < kBatchesAhead); });
      if (stop) return;
      const TrainingPlace place = *next;
      const std::uint64_t its_order = order;
      lock.unlock();
      Made made = make(place);
      lock.lock();
      if (its_order != order) continue;
      next = made.error ? std::nullopt : after(place);
      ready.push_back(std::move(made));
      changed.notify_all();
    }
  }

  Made take(const TrainingPlace& place) {
    std::unique_lock lock(mutex);
    if (place != expected) {
      ready.clear();
      next = place;
      ++order;
      changed.notify_all();
    }
    changed.wait(lock, [this] { return !ready.empty(); });
    Made made = std::move(ready.front());
    ready.pop_front();
    changed.notify_all();
    return made;
  }
};

TrainingPrefetch::TrainingPrefetch(const ImageBatches& batches, int first_slot, int end_slot)
    : worker_(std::make_unique<Worker>(batches, first_slot, end_slot)) {
  expect(first_slot >= 0 && first_slot < end_slot, "at least one slot");
  worker_->thread = std::thread([worker = worker_.get()] { worker->run(); });
}

TrainingPrefetch::~TrainingPrefetch() {
  {
    const std::lock_guard lock(worker_->mutex);
    worker_->stop = true;
  }
  worker_->changed.notify_all();
  worker_->thread.join();
}

ImageBatch TrainingPrefetch::get(const TrainingPlace& place) {
  expect(place.slot >= worker_->first_slot && place.slot < worker_->end_slot,
         "the slot is one of these");
  Worker::Made made = worker_->take(place);
  worker_->expected = made.error ? std::nullopt : worker_->after(place);
  if (made.error) std::rethrow_exception(made.error);
  return std::move(made.batch);
}

}  // namespace enas::data
