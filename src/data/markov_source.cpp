// SPDX-License-Identifier: Apache-2.0
// Tables drawn once; the stationary distribution gives the entropy rate.
#include "data/markov_source.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::data {
namespace {

constexpr std::int64_t kMaxContexts = 1'000'000;
constexpr std::int64_t kMaxTableEntries = 10'000'000;
constexpr double kTolerance = 1e-12;
constexpr int kMaxIterations = 100'000;

void check_range(const char* key, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high) {
    throw ConfigError(concat("data.markov.", key, " = ", value, " is out of range; allowed are ",
                             low, " to ", high));
  }
}

std::uint32_t count_contexts(const MarkovOptions& options) {
  check_range("order", options.order, 1, 3);
  check_range("vocabulary", options.vocabulary, 2, kMaxContexts);
  // With one successor the source is a fixed cycle and leaves nothing to predict.
  check_range("branching", options.branching, 2, options.vocabulary);
  std::int64_t contexts = 1;
  for (int i = 0; i < options.order; ++i) contexts *= options.vocabulary;
  if (contexts > kMaxContexts || contexts * options.branching > kMaxTableEntries) {
    throw ConfigError(concat(
        "data.markov.vocabulary = ", options.vocabulary, " and data.markov.order = ", options.order,
        " give ", contexts, " contexts of branching = ", options.branching, " successors; at most ",
        kMaxContexts, " contexts (vocabulary^order) and ", kMaxTableEntries,
        " successors in all are allowed"));
  }
  return static_cast<std::uint32_t>(contexts);
}

}  // namespace

MarkovSource::MarkovSource(const MarkovOptions& options)
    : vocabulary_(options.vocabulary),
      order_(options.order),
      branching_(static_cast<std::size_t>(options.branching)),
      num_contexts_(count_contexts(options)) {
  draw_tables(RandomStream(options.seed, {.purpose = Purpose::corpus, .index = 0}));
  find_stationary(closed_class());
  entropy_rate_ = mean_entropy();
}

void MarkovSource::draw_tables(RandomStream stream) {
  std::vector<std::int32_t> words(static_cast<std::size_t>(vocabulary_));
  std::iota(words.begin(), words.end(), 0);
  successors_.reserve(num_contexts_ * branching_);
  weights_.reserve(num_contexts_ * branching_);
  for (std::uint32_t context = 0; context < num_contexts_; ++context) {
    double sum = 0.0;
    for (std::size_t branch = 0; branch < branching_; ++branch) {
      // The first steps of a shuffle; it need not start from sorted words to be uniform.
      std::swap(words[branch], words[branch + stream.next_below(words.size() - branch)]);
      successors_.push_back(words[branch]);
      // Exponential weights over their sum are uniform on the simplex.
      weights_.push_back(-std::log1p(-stream.next_uniform()));
      sum += weights_.back();
    }
    for (std::size_t branch = 0; branch < branching_; ++branch) {
      weights_[context * branching_ + branch] /= sum;
    }
  }
}

MarkovSource::Context MarkovSource::next(Context context, std::int32_t word) const {
  const auto base = static_cast<Context>(vocabulary_);
  const Context oldest_dropped = context % (num_contexts_ / base);
  return oldest_dropped * base + static_cast<Context>(word);
}

std::span<const std::int32_t> MarkovSource::successors(Context context) const {
  return std::span(successors_).subspan(context * branching_, branching_);
}

std::span<const double> MarkovSource::weights(Context context) const {
  return std::span(weights_).subspan(context * branching_, branching_);
}

MarkovSource::Contexts MarkovSource::reachable_from(Context start) const {
  std::vector<bool> seen(num_contexts_, false);
  seen[start] = true;
  Contexts found{start};
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const std::int32_t word : successors(found[i])) {
      const Context target = next(found[i], word);
      if (!seen[target]) found.push_back(target);
      seen[target] = true;
    }
  }
  return found;
}

MarkovSource::Contexts MarkovSource::closed_class() const {
  Context start = 0;
  while (true) {
    Contexts contexts = reachable_from(start);
    // Which of them lead back to the start? Spread "yes" backwards until nothing changes.
    std::vector<bool> returns(num_contexts_, false);
    returns[start] = true;
    for (bool changed = true; changed;) {
      changed = false;
      for (auto context = contexts.rbegin(); context != contexts.rend(); ++context) {
        if (returns[*context]) continue;
        for (const std::int32_t word : successors(*context)) {
          if (!returns[next(*context, word)]) continue;
          returns[*context] = changed = true;
          break;
        }
      }
    }
    const auto lost = std::find_if(contexts.begin(), contexts.end(),
                                   [&](Context context) { return !returns[context]; });
    if (lost == contexts.end()) {
      std::sort(contexts.begin(), contexts.end());  // the tables are then read in their order
      return contexts;
    }
    // The start cannot be reached from this context, so the next pass has fewer contexts.
    start = *lost;
  }
}

void MarkovSource::find_stationary(const Contexts& contexts) {
  stationary_.assign(num_contexts_, 0.0);
  for (const Context context : contexts) {
    stationary_[context] = 1.0 / static_cast<double>(contexts.size());
  }
  std::vector<double> moved(num_contexts_, 0.0);
  for (int iteration = 0; iteration < kMaxIterations; ++iteration) {
    // Averaging each step with the one before leaves the stationary distribution as it is, and lets
    // the iteration converge for periodic chains too.
    for (const Context context : contexts) moved[context] = 0.5 * stationary_[context];
    for (const Context context : contexts) {
      for (std::size_t branch = 0; branch < branching_; ++branch) {
        moved[next(context, successors(context)[branch])] +=
            0.5 * stationary_[context] * weights(context)[branch];
      }
    }
    double change = 0.0;
    for (const Context context : contexts)
      change += std::abs(moved[context] - stationary_[context]);
    stationary_.swap(moved);
    if (change < kTolerance) return;
  }
  throw ConfigError(
      concat("the Markov source is too slow to settle (", kMaxIterations,
             " iterations): choose another data.markov.seed or a larger data.markov.branching"));
}

double MarkovSource::mean_entropy() const {
  double mean = 0.0;
  for (Context context = 0; context < num_contexts_; ++context) {
    double entropy = 0.0;
    for (const double weight : weights(context)) {
      if (weight > 0.0) entropy -= weight * std::log(weight);
    }
    mean += stationary_[context] * entropy;
  }
  return mean;
}

double MarkovSource::probability(std::span<const std::int32_t> history, std::int32_t word) const {
  expect(history.size() >= static_cast<std::size_t>(order_), "history holds a whole context");
  Context context = 0;
  for (const std::int32_t last : history.last(static_cast<std::size_t>(order_))) {
    context = next(context, last);
  }
  for (std::size_t branch = 0; branch < branching_; ++branch) {
    if (successors(context)[branch] == word) return weights(context)[branch];
  }
  return 0.0;
}

double MarkovSource::loss(std::span<const std::int32_t> words) const {
  const auto order = static_cast<std::size_t>(order_);
  expect(words.size() > order, "the text is longer than a context");
  double sum = 0.0;
  for (std::size_t i = order; i < words.size(); ++i) {
    sum -= std::log(probability(words.subspan(i - order, order), words[i]));
  }
  return sum / static_cast<double>(words.size() - order);
}

std::vector<std::int32_t> MarkovSource::draw(std::size_t length, RandomStream& stream) const {
  expect(length >= static_cast<std::size_t>(order_), "a sequence holds a whole context");
  Context context = static_cast<Context>(stream.next_weighted(stationary_));
  std::vector<std::int32_t> words(length);
  Context digits = context;
  for (std::size_t i = static_cast<std::size_t>(order_); i-- > 0;) {
    words[i] = static_cast<std::int32_t>(digits % static_cast<Context>(vocabulary_));
    digits /= static_cast<Context>(vocabulary_);
  }
  for (std::size_t i = static_cast<std::size_t>(order_); i < length; ++i) {
    words[i] = successors(context)[stream.next_weighted(weights(context))];
    context = next(context, words[i]);
  }
  return words;
}

}  // namespace enas::data
