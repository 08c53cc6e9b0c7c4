// SPDX-License-Identifier: Apache-2.0
// Which files of a folder are the three splits of a corpus.
#pragma once

#include <filesystem>
#include <string>

namespace enas::data {

struct CorpusFiles {
  std::string
      name;  ///< of the corpus in messages: the folder, and the prefix where one was asked for
  std::filesystem::path train;
  std::filesystem::path valid;
  std::filesystem::path test;
};

/// Of each split the file `train.txt`, `PREFIX.train.txt` or the same with the ending of WikiText,
/// `.tokens` (likewise valid, test). Hidden files (`._train.txt`) are none, and
/// `ptb.char.train.txt` is none where `ptb.train.txt` lies beside it: the archive of Penn Treebank
/// holds its words and, once more, its letters. An empty `prefix` takes what is left where that is
/// one file, any other takes the files that begin with it. Throws InputError: 66 for a missing
/// folder or file, 65 for several candidates.
CorpusFiles find_corpus_files(const std::filesystem::path& folder, const std::string& prefix);

}  // namespace enas::data
