// SPDX-License-Identifier: Apache-2.0
#include "run/step_record.hpp"

#include "comm/slot_tree.hpp"
#include "core/error.hpp"
#include "core/text.hpp"
#include "run/replicas.hpp"

namespace enas::run {

GatheredRecords gather_records(comm::World& world, int num_items, std::int64_t step,
                               const io::Digest& digest, std::int64_t flags,
                               std::vector<StepRecord> own) {
  // One more than the largest block, so that a rank without items still has a voice.
  const auto width = static_cast<std::size_t>((num_items + world.size() - 1) / world.size() + 1);
  expect(own.size() < width, "a rank has no more records than the largest block");
  StepRecord header;
  header.step = step;
  header.digest_high = digest.high;
  header.digest_low = digest.low;
  header.flags = flags;
  own.insert(own.begin(), header);
  own.resize(width);

  std::vector<StepRecord> all(width * static_cast<std::size_t>(world.size()));
  world.all_gather(std::as_bytes(std::span(own)), std::as_writable_bytes(std::span(all)));

  GatheredRecords gathered;
  for (std::size_t rank = 0; rank < static_cast<std::size_t>(world.size()); ++rank) {
    const StepRecord& head = all[rank * width];
    expect(
        head.step == all[0].step,
        concat("ranks 0 and ", rank, " are at different steps: ", all[0].step, " and ", head.step));
    if (head.digest_high != all[0].digest_high || head.digest_low != all[0].digest_low) {
      throw ReplicasDiffer(concat("replicas differ at step ", step, ": what ranks 0 and ", rank,
                                  " are about to use is not the same"));
    }
    if ((head.flags & kFlagDamaged) != 0) {
      throw ReplicasDiffer(
          concat("a carried state on rank ", rank, " is not finite at step ", step));
    }
    gathered.flags |= head.flags;
    for (std::size_t i = 1; i < width; ++i) {
      const StepRecord& record = all[rank * width + i];
      if (record.item < 0) continue;
      gathered.num_finite += record.finite != 0;
      gathered.records.push_back(record);
    }
  }
  expect(static_cast<int>(gathered.records.size()) == num_items,
         "every item has exactly one record");
  return gathered;
}

std::string overflow_text(int num_finite) {
  return concat("the gradients of ", num_finite, " slots are finite but their sum is not ",
                "(float32 ends at 3.4e38): no weight was moved");
}

}  // namespace enas::run
