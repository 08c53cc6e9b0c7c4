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
/// `.tokens` (likewise valid, test). Hidden files (`._train.txt`) do not count, nor does
/// `ptb.char.train.txt` where `ptb.train.txt` lies beside it: the archive of Penn Treebank holds
/// the text as words and as letters. With an empty `prefix` there must be one such file; else it is
/// the one whose name begins with the prefix. Throws InputError: 66 for a missing folder or file,
/// 65 for several candidates.
CorpusFiles find_corpus_files(const std::filesystem::path& folder, const std::string& prefix);

}  // namespace enas::data
