// The program: what the tiles execute. Code is a small tree of hardware loops shared by all tiles
// of a stage; operands are the tensor regions of the rank tile that the loops around an instruction
// leave, so nothing is unrolled. Produced by lowering, checked by the program checker, run by the
// machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mapping/array_mapping.h"
#include "sim/base/types.h"
#include "workloads/network.h"

namespace tessera::mapping {

using TileId = int;
using SlotId = int;   ///< index into Stage::slots
using GroupId = int;  ///< index into Stage::groups

enum class Op {
  kReceive,      ///< load queue: append a granule with the operand's region, fetched from where its
                 ///< parts are
  kReceiveSums,  ///< load queue of an owner: append a granule with one partner's partial sums
  kRestore,      ///< load queue of an owner: append a granule for outputs, with the sums that were
                 ///< stored when they were last visited, or of a rotating slot with those of the
                 ///< next tile; on the first visit it is empty
  kAcquire,      ///< reader: wait until `amount` granules of the slot are complete
  kRelease,      ///< reader: let the `amount` oldest granules go
  kReserve,      ///< compute queue: append an empty granule for the output
  kReopen,       ///< compute queue: take the next restored granule for the output
  kCommit,       ///< compute queue: the output granule is complete
  kArray,        ///< compute queue: the rank tile on the PE array
  kVector,       ///< compute queue: the rank tile on the vector unit
  kAddSums,      ///< compute queue: add an acquired granule of partial sums to the reserved granule
  kStore,        ///< store queue: write the acquired granule to DRAM; of a rotating slot only
                 ///< outputs that are complete
  kSendSums,     ///< store queue: send the acquired granule of partial sums to the group's owner
  kYield,        ///< any queue of a fused stage: the next stage of the fusion goes on
};

struct Instruction {
  Op op = Op::kAcquire;
  SlotId slot = -1;
  int operand = -1;  ///< kReceive: input index of the layer
  int amount = 1;    ///< granules for kAcquire and kRelease
};

struct CodeNode;
using CodeBlock = std::vector<CodeNode>;

/// A hardware loop or one instruction. A loop moves through its rank in steps; every tile makes the
/// same number of trips, and a tile whose share ends earlier finds an empty range.
///
/// A loop with `first` follows the tiles of a later layer: trip i ends `first + i x step` after the
/// share's origin and begins where trip i - 1 ended, `overlap` indices earlier when they are
/// computed again, or later when it is negative and they are never needed. Ranges are cut off at
/// the share's ends.
struct CodeNode {
  bool is_loop = false;
  workloads::RankId rank = -1;  ///< -1: a plain repetition that leaves the rank tile alone
  std::int64_t step = 1;
  std::int64_t count = 1;
  std::int64_t first = 0;  ///< 0: an ordinary loop
  std::int64_t overlap = 0;
  /// A loop over shared pieces: a tile at place p of the M that share them begins with trip
  /// p x count / M and goes round.
  bool rotates = false;
  CodeBlock body;
  Instruction instruction;
};

/// Code of one kind of tile in a stage: three queues that run decoupled, each in order.
struct Code {
  CodeBlock load, compute, store;
};

enum class SlotReader : unsigned { kCompute = 1, kStore = 2, kServer = 4 };

/// A ring of granules in the tile buffer. Appending needs a free granule, reading a complete one. A
/// granule is free again when every reader has released it. The first append waits until all slots
/// of earlier stages that overlap it in memory are closed: nothing more to come, everything
/// released.
struct Slot {
  std::string name;         ///< "W", "I0", "O", "S" (partial sums of partners)
  Bytes base_address = 0;   ///< in the tile buffer, a multiple of the buffer line
  Bytes granule_bytes = 0;  ///< space of one granule, a multiple of the buffer line
  int granules = 1;
  unsigned readers =
      0;  ///< SlotReader bits. With kServer the granules stay until all consumers have closed it
  bool staging = false;  ///< in the staging FIFO beside the buffer; addresses are the FIFO's
  /// Most indices of one granule in each tensor dimension; empty when nobody needs to know. Their
  /// product is what the slot reserves.
  std::vector<std::int64_t> extents = {};
  /// A window: index i of a dimension lies at i modulo its extent, so that what a granule has in
  /// common with the one before is still there and neither fetched nor computed again. With two
  /// granules the extents are those of both together.
  bool retains = false;
  /// Outputs that stay in the tiles, but not all at once: a granule leaves when everyone who reads
  /// from it has been served as often as it asks, so the ring is a queue of credits between the
  /// stages. Readers with a window keep what came and ask for it once.
  bool streams = false;
  /// Shared by M tiles, which hold a copy between them. Of `granules` all but one lie in the
  /// buffer: the tile's part of the copy, of outputs that stay the parts of all fillings. The first
  /// granules of a filling come from where the parts are, or are empty when they take partial sums;
  /// each later one comes from the tile `TileShare::Rotation::next`, which had it as many granules
  /// before as a part has (mapping/rotation.h). A granule goes when it has been used and passed on;
  /// outputs that are nobody's any more are complete and stay or leave. The one granule that is too
  /// many stands in the staging FIFO, so that a full ring can turn.
  bool rotating = false;
  std::int64_t turns = 0;  ///< rotating: trips of the loop that is dealt to the places
  std::int64_t round = 0;  ///< rotating: granules of the whole copy
  std::int64_t fill = 0;   ///< rotating: granules from one filling to the next, whole rounds
  /// Goes on with the granules that the slot of the same number of this earlier stage holds at its
  /// end, in the same place: they are not received again. A rotating slot goes on turning: what
  /// would come from where the parts are comes from the next tile. -1: begins empty.
  int continues = -1;
  bool handed_on = false;  ///< a later stage goes on with its granules: they stay for it
  /// The schedule asks for its granules to stay from one stage to the next, but there is no room.
  bool refetched = false;

  /// In the tile buffer, or in the staging FIFO.
  Bytes bytes() const { return granule_bytes * static_cast<Bytes>(granules - (rotating ? 1 : 0)); }
};

/// Tiles that receive the same granules: one request on behalf of all, delivered by multicast where
/// the network has it. The first member is the root: it collects the others' readiness and asks.
struct Group {
  std::vector<TileId> members;
};

/// What one tile does in a stage.
struct TileShare {
  TileId tile = 0;
  int code = 0;                       ///< index into Stage::codes
  workloads::RankTile ranks;          ///< its share of the layer
  std::vector<GroupId> input_groups;  ///< per input operand of the layer
  GroupId sums_group = -1;  ///< tiles that add to the same outputs; first member owns them
  /// Per rank where loops with `first` begin to count; may lie before the share. Empty: at the
  /// share's begin.
  std::vector<std::int64_t> origins = {};
  /// Its place among the tiles that share an operand.
  struct Rotation {
    int place = 0;
    int places = 1;
    TileId next = -1;  ///< takes its pieces over from this tile, at the place after its own
  };
  Rotation rotation = {};
};

/// One layer on a set of tiles.
struct Stage {
  std::string name;
  workloads::LayerId layer = 0;
  std::vector<Slot> slots;
  std::vector<Code> codes;
  std::vector<TileShare> shares;  ///< ascending by tile
  std::vector<Group> groups;
  ArrayMapping array;       ///< for kArray
  SlotId output_slot = -1;  ///< on tiles that own outputs
  SlotId sums_slot =
      -1;  ///< where owners take in their partners' sums; -1: reductions are not split
  SlotId partial_slot = -1;  ///< outputs of partners; exists on tiles that have no output slot
  /// The network adds up what partners send: owners receive one granule for each of their outputs,
  /// not one from every partner.
  bool sums_in_network = false;
  /// Neighbouring stages with the same number run at the same time: those that share tiles take
  /// turns there, each queue going on with the next at a kYield. -1: the stage stands alone.
  int fusion = -1;
  /// A tile asks for nothing of this stage before all that it asked for in the stages before has
  /// arrived: what is fetched early must not hold up what is wanted first.
  bool fetches_last = false;
  std::int64_t recomputed =
      0;  ///< points of the layer computed again, over all tiles: halos not retained
};

/// Whether every DRAM channel has a copy of a tensor of its own, and which of them answers a read.
enum class Copies {
  kOne,      ///< one copy for all
  kNearest,  ///< the channel with the fewest hops to all readers; equal ones in turn
  kInTurn,   ///< the channels in turn, granule by granule
};

/// Where the elements of a stored tensor sit in DRAM, or in the shared buffers, whose channels are
/// the buffers: blocks of the given extents, blocks and elements inside a block both row-major in
/// `order`. The bytes from the base on are dealt in stripes to the channels from `first_channel`
/// on, and begin in each of them at the base address.
struct DramLayout {
  std::uint64_t base_address = 0;   ///< inside a channel
  std::vector<int> order;           ///< dimension indices, slowest first
  std::vector<std::int64_t> block;  ///< extent per dimension (in tensor order)
  Bytes footprint_bytes = 0;
  Bytes stripe_bytes = 256;
  int first_channel = 0;
  int channels = 0;     ///< that the stripes go round; 0: all of the machine
  bool hashed = false;  ///< the turn is XORed with all higher bits of the stripe's number
  Copies copies = Copies::kOne;
};

/// In a window: on the tiles that compute it, for other stages of the fusion on the same tile.
enum class Home { kDram, kTiles, kShared, kWindow };

/// A piece of a stored tensor with one writer. Tensors written by several layers (concatenations)
/// have several. A part that lives in the tiles is served by the tiles that produced it until every
/// group that reads from an owner has told it that it is done. One that lives in the shared buffers
/// is closed the same way; then its addresses can be written again.
struct Part {
  workloads::TensorId tensor = -1;
  int producer_stage = -1;  ///< -1: there from the start
  workloads::Region region;
  Home home = Home::kDram;
  /// A part in DRAM that its producers keep as well: stages up to this one read what they keep. -1:
  /// none does.
  int kept_until = -1;

  /// Tiles hold it, alone or beside DRAM.
  bool in_tiles() const { return home == Home::kTiles || kept_until >= 0; }
  /// Where a stage reads it.
  Home home_for(int stage) const { return stage <= kept_until ? Home::kTiles : home; }
};

struct Program {
  std::string accelerator;  ///< name it was compiled for
  std::string schedule;     ///< name of the schedule it was lowered from
  int tiles = 0;
  int word_bytes = 2;
  int dram_channels = 0;  ///< that the layouts were made for; 0: any number
  workloads::Network network;
  std::vector<DramLayout> layouts;  ///< per tensor; unused when no part is in DRAM
  std::vector<DramLayout>
      shared_layouts;  ///< per tensor, or none when no part is in the shared buffers
  std::vector<Part> parts;
  std::vector<Stage> stages;

  /// Of a part that lives in a memory, not in the tiles.
  const DramLayout& layout_of(const Part& part) const {
    return (part.home == Home::kShared ? shared_layouts
                                       : layouts)[static_cast<std::size_t>(part.tensor)];
  }
};

}  // namespace tessera::mapping
