// Which analytical model, and the files of a case: what `predict` and `validate` have in common.
#pragma once

#include <boost/program_options.hpp>

#include "mapping/cost/predictor.h"

namespace tessera::app {

/// --model (required), --network, --schedule, --accelerator, --cases, --faults.
boost::program_options::options_description model_options();

/// The three files of one case; empty where an option was not given.
mapping::CaseFiles case_files(const boost::program_options::variables_map& options);

/// UserError for a --faults that is not known.
mapping::PredictOptions predict_options(const boost::program_options::variables_map& options);

}  // namespace tessera::app
