// SPDX-License-Identifier: Apache-2.0
// The sections run, data, space and supernet.
#include "app/schema.hpp"

namespace enas::app {
namespace {

using data::MarkovOptions;
using search::DataOptions;
using search::RunOptions;
using space::RecurrentSpaceOptions;
using supernet::RecurrentOptions;

std::vector<Key> run_keys() {
  return {
      {"run.seed", at<&Settings::run, &RunOptions::seed>, at_least(0), "",
       "Everything random follows from it; the command line's --seed wins."},
      {"run.threads", at<&Settings::run, &RunOptions::threads>, between(0, 1024), "threads",
       "Threads of a rank; 0 takes OMP_NUM_THREADS, else 1. Equal bits need equal threads.",
       Role::adjustable},
      {"run.dir",
       at<&Settings::run, &RunOptions::dir>,
       {},
       "",
       "Run directory; empty for runs/<name of the configuration>. --run-dir wins.",
       Role::adjustable},
      {"run.log_interval_s", at<&Settings::run, &RunOptions::log_interval_s>, above(0), "s",
       "Time between progress lines where there is no terminal.", Role::adjustable},
  };
}

template <auto kMember>
auto& markov(Settings& settings) {
  return settings.data.markov.*kMember;
}

std::vector<Key> data_keys() {
  return {
      {"data.source",
       choice_at<&Settings::data, &DataOptions::source>({"folder", "markov"}),
       {},
       "",
       "A folder of text files, or the embedded corpus."},
      {"data.path",
       at<&Settings::data, &DataOptions::path>,
       {},
       "",
       "Folder with train, valid and test text (train.txt or *.train.txt); needed by \"folder\".",
       Role::adjustable},
      {"data.markov.vocabulary", markov<&MarkovOptions::vocabulary>, between(2, 100000), "words",
       "Number of words."},
      {"data.markov.order", markov<&MarkovOptions::order>, between(1, 3), "words",
       "Words that the next one depends on; 2 or more need memory."},
      {"data.markov.branching", markov<&MarkovOptions::branching>, at_least(2), "words",
       "Successors of a context with non-zero probability; at most the vocabulary."},
      {"data.markov.train_tokens", markov<&MarkovOptions::train_tokens>, between(2, 1e9), "tokens",
       "Length of the training text."},
      {"data.markov.valid_tokens", markov<&MarkovOptions::valid_tokens>, between(2, 1e9), "tokens",
       "Length of the validation text."},
      {"data.markov.test_tokens", markov<&MarkovOptions::test_tokens>, between(2, 1e9), "tokens",
       "Length of the test text."},
      {"data.markov.seed", markov<&MarkovOptions::seed>, at_least(0), "",
       "Seed of the source; the run's seed does not change the corpus."},
  };
}

template <auto kMember>
auto& space_member(Settings& settings) {
  return settings.space.*kMember;
}

std::vector<Key> space_keys() {
  // There is one kind of space so far, so Settings has no member for it.
  const Choice only_recurrent = {
      {"recurrent"}, [](const Settings&) { return 0; }, [](Settings&, int) {}};
  return {
      {"space.kind", only_recurrent, {}, "", "The search space: a recurrent cell."},
      {"space.nodes", space_member<&RecurrentSpaceOptions::nodes>, between(1, 256), "nodes",
       "N: nodes of the cell, the first one included."},
      {"space.activations",
       space_member<&RecurrentSpaceOptions::activations>,
       {},
       "",
       "Functions that a node may have."},
      {"space.first_node",
       choice_at<&Settings::space, &RecurrentSpaceOptions::first_node>({"sampled", "tanh"}),
       {},
       "",
       "Function of the first node: sampled like the others, or always tanh and no decision."},
      {"space.distance_penalty", space_member<&RecurrentSpaceOptions::distance_penalty>,
       between(0, 1e6), "",
       "Logits of earlier nodes at distance d lose this times d²; 0 for none."},
  };
}

template <auto kMember>
auto& supernet_member(Settings& settings) {
  return settings.supernet.*kMember;
}

std::vector<Key> dropout_keys() {
  return {
      {"supernet.drop_word", supernet_member<&RecurrentOptions::drop_word>, dropping(), "",
       "Probability of dropping a whole word of the input embedding."},
      {"supernet.drop_input", supernet_member<&RecurrentOptions::drop_input>, dropping(), "",
       "Probability of dropping an embedded input, one mask a segment."},
      {"supernet.drop_cell_input", supernet_member<&RecurrentOptions::drop_cell_input>, dropping(),
       "", "Probability of dropping an input of the cell, one mask a segment."},
      {"supernet.drop_state", supernet_member<&RecurrentOptions::drop_state>, dropping(), "",
       "Probability of dropping a state or node input of the products, one mask a segment."},
      {"supernet.drop_output", supernet_member<&RecurrentOptions::drop_output>, dropping(), "",
       "Probability of dropping an output of the cell, one mask a segment."},
  };
}

std::vector<Key> supernet_keys() {
  std::vector<Key> keys = {
      {"supernet.hidden", supernet_member<&RecurrentOptions::hidden>, between(1, 65536), "units",
       "H: width of the embedding and of every node."},
      {"supernet.edge_weights",
       choice_at<&Settings::supernet, &RecurrentOptions::edge_weights>(
           {"per_function", "per_edge"}),
       {},
       "",
       "One matrix for every edge and function, or one for every edge."},
      {"supernet.cell_output",
       choice_at<&Settings::supernet, &RecurrentOptions::cell_output>({"loose_ends", "all"}),
       {},
       "",
       "Nodes whose mean is the cell's output and carried state."},
      {"supernet.output_bias",
       supernet_member<&RecurrentOptions::output_bias>,
       {},
       "",
       "A bias in the output layer (ENAS-pytorch has one, the authors' code has none): word "
       "frequencies need not be learned through the cell. Batch norm then has no offset."},
      {"supernet.batch_norm",
       supernet_member<&RecurrentOptions::batch_norm>,
       {},
       "",
       "Batch norm after that mean, with the statistics of each time step and epsilon 1."},
      {"supernet.init_range", supernet_member<&RecurrentOptions::init_range>, between(0, 10), "",
       "Initial weights are uniform in ± this."},
  };
  for (Key& key : dropout_keys()) keys.push_back(std::move(key));
  keys.push_back({"supernet.slowness", supernet_member<&RecurrentOptions::slowness>,
                  between(0, 1e6), "",
                  "Weight of the mean of squared differences of neighbouring outputs."});
  keys.push_back({"supernet.activation_l2", supernet_member<&RecurrentOptions::activation_l2>,
                  between(0, 1e6), "", "Weight of the mean of squared outputs."});
  return keys;
}

}  // namespace

std::vector<Key> model_keys() {
  std::vector<Key> keys;
  for (auto* section : {run_keys, data_keys, space_keys, supernet_keys}) {
    for (Key& key : section()) keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace enas::app
