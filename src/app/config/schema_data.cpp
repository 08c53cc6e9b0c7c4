// SPDX-License-Identifier: Apache-2.0
// The sections run and data.
#include "app/config/schema.hpp"

namespace enas::app {
namespace {

using data::AugmentOptions;
using data::ImageSplitOptions;
using data::MarkovOptions;
using data::ShapesOptions;
using run::Options;
using task::DataOptions;

std::vector<Key> run_keys() {
  return {
      {"run.seed", at<&Settings::run, &run::Options::seed>, at_least(0), "",
       "Everything random follows from it; the command line's --seed wins."},
      {"run.threads", at<&Settings::run, &run::Options::threads>, between(0, 1024), "threads",
       "Threads of a rank; 0 takes OMP_NUM_THREADS, else 1. Equal bits need equal threads.",
       Role::adjustable},
      {"run.dir",
       at<&Settings::run, &run::Options::dir>,
       {},
       "",
       "Run directory; empty for runs/<name of the configuration>. --run-dir wins.",
       Role::adjustable},
      {"run.log_interval_s", at<&Settings::run, &run::Options::log_interval_s>, above(0), "s",
       "Time between progress lines where there is no terminal.", Role::adjustable},
  };
}

std::vector<Key> source_keys() {
  return {
      {"data.source",
       choice_at<&Settings::data, &DataOptions::source>(
           {"folder", "markov", "cifar10", "cifar100", "hdf5", "shapes"}),
       {},
       "",
       "Text for the recurrent space: a folder of files, or the embedded corpus. Images for the "
       "others: CIFAR's binary files, one HDF5 file, or the embedded shapes."},
      {"data.path",
       at<&Settings::data, &DataOptions::path>,
       {},
       "",
       "\"folder\": folder with train, valid and test text (train.txt, *.train.txt or "
       "*.train.tokens); \"cifar10\" and \"cifar100\": folder of the binary files; \"hdf5\": the "
       "file. The embedded sources need none.",
       Role::adjustable},
  };
}

std::vector<Key> folder_keys() {
  return {
      {"data.prefix",
       at<&Settings::data, &DataOptions::prefix>,
       {},
       "",
       "How the names of the files of \"folder\" begin: \"ptb\" takes ptb.train.txt, ptb.valid.txt "
       "and ptb.test.txt where the folder holds others too; empty finds them.",
       Role::adjustable},
  };
}

template <auto kMember>
auto& split(Settings& settings) {
  return settings.data.split.*kMember;
}
template <auto kMember>
auto& augment(Settings& settings) {
  return settings.data.augment.*kMember;
}

std::vector<Key> image_keys() {
  return {
      {"data.valid_size", split<&ImageSplitOptions::valid_size>, between(1, 1e9), "images",
       "Validation images, taken from the end of the training files; not of \"shapes\"."},
      {"data.limit_train", split<&ImageSplitOptions::limit_train>, between(0, 1e9), "images",
       "Training images used, from the start of what is left, for quick runs; 0 for all; not of "
       "\"shapes\"."},
      {"data.shuffle_split",
       split<&ImageSplitOptions::shuffle_split>,
       {},
       "",
       "Permute the training files before images are taken, for files sorted by class; not of "
       "\"shapes\"."},
      {"data.pad", augment<&AugmentOptions::pad>, between(0, 1024), "pixels",
       "Zeros around a training image before a random crop of its size; 0 for no crop."},
      {"data.flip",
       augment<&AugmentOptions::flip>,
       {},
       "",
       "Mirror a training image left to right with probability 1/2."},
      {"data.cutout", augment<&AugmentOptions::cutout>, between(0, 4096), "pixels",
       "Side of a square of a training image that is set to zero (CutOut), its centre uniform; 0 "
       "for none."},
      {"data.cutout_corner",
       augment<&AugmentOptions::cutout_corner>,
       {},
       "",
       "The square's top-left corner is uniform instead, as in the authors' code."},
  };
}

template <auto kMember>
auto& markov(Settings& settings) {
  return settings.data.markov.*kMember;
}

std::vector<Key> markov_keys() {
  return {
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
auto& shapes(Settings& settings) {
  return settings.data.shapes.*kMember;
}

std::vector<Key> shapes_keys() {
  return {
      {"data.shapes.size", shapes<&ShapesOptions::size>, between(8, 128), "pixels",
       "Height and width of an image."},
      {"data.shapes.classes", shapes<&ShapesOptions::classes>, between(2, 10), "classes",
       "Pairs of a shape and a texture that are told apart."},
      {"data.shapes.train_images", shapes<&ShapesOptions::train_images>, between(2, 1e6), "images",
       "Training images."},
      {"data.shapes.valid_images", shapes<&ShapesOptions::valid_images>, between(1, 1e6), "images",
       "Validation images."},
      {"data.shapes.test_images", shapes<&ShapesOptions::test_images>, between(0, 1e6), "images",
       "Test images."},
      {"data.shapes.noise", shapes<&ShapesOptions::noise>, between(0, 1), "",
       "Standard deviation of the noise of a pixel, whose full scale is 1."},
      {"data.shapes.seed", shapes<&ShapesOptions::seed>, at_least(0), "",
       "Seed of the images; the run's seed does not change them."},
  };
}

}  // namespace

std::vector<Key> run_and_data_keys() {
  return joined({run_keys(), only_all(kTrained, source_keys()), only_all(kRecurrent, folder_keys()),
                 only_all(kImages, image_keys()), only_all(kRecurrent, markov_keys()),
                 only_all(kImages, shapes_keys())});
}

}  // namespace enas::app
