// Words and hops of one layer in nn_dataflow's model.
#pragma once

#include <cstdint>

#include "mapping/importers/tangram/document.h"

namespace tessera::mapping::tangram {

/// True when the datum changes from iteration to iteration of the loop.
bool indexes(const LayerShape& shape, Datum datum, Loop loop);

/// Factor of a loop that stands right under the batch loop at the DRAM level; 1 when another one
/// does.
std::int64_t top_factor(const LayerDecisions& layer, Loop loop);

/// The reader begins with the first of the pieces in which the producer completes its outputs, as
/// both have the same number; otherwise it waits for all of them.
bool hands_over_pieces(const LayerDecisions& producer, const LayerDecisions& reader);

/// Passes over which a datum differs, of a tile's whole share.
std::int64_t distinct_passes(const LayerDecisions& layer, Datum datum);

/// Times the whole share of a datum is moved into the tile buffer and from there to the array.
/// Partial sums count f writes and f - 1 reads.
struct FetchCounts {
  PerDatum<std::int64_t> gbuf{}, regf{};
};
FetchCounts fetch_counts(const LayerDecisions& layer);

/// Word accesses of all tiles over the run, per memory level. Words of a datum that stays on chip
/// are counted in `remote_gbuf` instead of `dram`.
struct Words {
  PerDatum<std::int64_t> dram{}, gbuf{}, itcn{}, regf{}, remote_gbuf{};
};
Words words_of(const LayerDecisions& layer, const FetchCounts& fetches,
               const HardwareFacts& hardware);

/// Multiply-accumulates, or operations of a local-region layer, in all tiles.
std::int64_t operations_of(const LayerDecisions& layer);
/// Passes of a tile's array.
std::int64_t passes_of(const LayerDecisions& layer);
/// Tile buffer space of one copy.
PerDatum<std::int64_t> buffer_words(const LayerDecisions& layer);

/// Tiles that need the same words of a datum.
PerDatum<int> group_sizes(const LayerDecisions& layer);

/// Word-hops of rotating shared parts over the run. UserError for wide fetch over more than one
/// tile.
PerDatum<double> rotation_hops(const LayerDecisions& layer);

}  // namespace tessera::mapping::tangram
