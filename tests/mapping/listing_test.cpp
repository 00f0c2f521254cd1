#include "mapping/listing.h"

#include <gtest/gtest.h>

#include "sim/base/error.h"
#include "tests/support/program_builder.h"
#include "tests/support/refusal.h"

namespace tessera::mapping {

// Tile 1 of the sample: filters 2 and 3 of the upper rows, then channels 2 and 3 as a partner of
// tile 0, then channel 1 of the pool. 324 MACs: 1 filter x 2 channels x 3 rows x 6 columns x 9
// taps. Rows 0 to 2 with a window of 3 and a padding row above touch stored rows 0 to 3: 2 x 4 x 6
// words = 96 bytes.
TEST(Listing, ShowsStagesSlotsGroupsLoopsAndInstructions) {
  EXPECT_EQ(listing(test::three_stage_program(), 1),
            R"(tile 1 of 4, network three, compiled for 2x2

stage 0 first: layer convolution0
  share N [0,1) K [2,4) C [0,2) P [0,3) Q [0,6) R [0,3) S [0,3), code 0
  slot I0: 1 x 96 bytes at 0, read by compute
  slot W: 2 x 48 bytes at 96, read by compute
  slot O: 2 x 48 bytes at 192, read by other tiles
  I0: tensor input0 from DRAM, group of 2, root tile 0
  W: tensor weight0 from DRAM, group of 2, root tile 1
  O: tensor convolution0.O stays in the tiles
  array: loops none; registers inside loop I 0, W 0, O 0
  load queue
    receive I0 <- input0 [0,1) x [0,2) x [0,4) x [0,6), 96 bytes
    loop K step 1 count 2
      receive W <- weight0 [2,3) x [0,2) x [0,3) x [0,3), 36 bytes
  compute queue
    acquire I0
    loop K step 1 count 2
      reserve O [0,1) x [2,3) x [0,3) x [0,6), 36 bytes
      acquire W
      array O: 324 MACs
      release W
      commit O
    release I0
  store queue

stage 1 second: layer convolution1
  share N [0,1) K [0,3) C [2,4) P [0,3) Q [0,6) R [0,1) S [0,1), code 1
  slot I0: 1 x 80 bytes at 512, read by compute
  slot W: 1 x 16 bytes at 592, read by compute
  slot O: 2 x 48 bytes at 608, read by store
  slot S: 1 x 48 bytes at 704, read by compute
  slot P: 2 x 48 bytes at 608, read by store
  I0: tensor convolution0.O from tiles (stage 0), group of 1, root tile 1
  W: tensor weight1 from DRAM, group of 2, root tile 1
  O: tensor convolution1.O as partial sums to tile 0
  array: loops none; registers inside loop I 0, W 0, O 0
  load queue
    receive W <- weight1 [0,3) x [2,4) x [0,1) x [0,1), 12 bytes
    receive I0 <- convolution0.O [0,1) x [2,4) x [0,3) x [0,6), 72 bytes
  compute queue
    acquire I0
    acquire W
    loop K step 1 count 3
      reserve P [0,1) x [0,1) x [0,3) x [0,6), 36 bytes
      array P: 36 MACs
      commit P
    release I0
    release W
  store queue
    loop K step 1 count 3
      acquire P
      send_sums P [0,1) x [0,1) x [0,3) x [0,6), 36 bytes
      release P

stage 2 third: layer pool2
  share N [0,1) C [1,2) P [0,3) Q [0,3) R [0,2) S [0,2), code 0
  slot I0: 3 x 16 bytes at 0, read by compute
  slot O: 1 x 16 bytes at 48, read by store
  I0: tensor convolution1.O from DRAM (stage 1), group of 1, root tile 1
  O: tensor pool2.O to DRAM
  load queue
    loop P step 1 count 3
      loop R step 1 count 2
        receive I0 <- convolution1.O [0,1) x [1,2) x [0,1) x [0,6), 12 bytes
  compute queue
    loop P step 1 count 3
      acquire I0 2
      reserve O [0,1) x [1,2) x [0,1) x [0,3), 6 bytes
      vector O: 12 operations
      commit O
      release I0 2
  store queue
    loop P step 1 count 3
      acquire O
      store O [0,1) x [1,2) x [0,1) x [0,3), 6 bytes
      release O
)");
}

TEST(Listing, ShowsOwnersOfSumsAndArrayMappings) {
  Program program = test::three_stage_program();
  auto& array = program.stages[1].array;
  array.rows = {{2, 2}};
  array.columns = {{3, 4}, {4, 2}};
  array.loops = {{1, 1}};
  array.store_depth[1] = 1;
  const std::string text = listing(program, 2);
  EXPECT_NE(text.find("O: tensor convolution1.O to DRAM, sums of 2 tiles"), std::string::npos)
      << text;
  EXPECT_NE(text.find("array: rows C x 2; columns P x 4 Q x 2; loops K tile 1; registers inside "
                      "loop I 0, W 1, O 0"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("repeat 1\n        receive_sums S [0,1) x [0,1) x [3,6) x [0,6), 36 bytes"),
            std::string::npos)
      << text;
}

TEST(Listing, LeavesOutStagesWithoutAShare) {
  EXPECT_EQ(listing(test::three_stage_program(), 3).find("stage 2"), std::string::npos);
}

TEST(RequestedListing, ShowsTheTilesInTheOrderOfTheRequest) {
  const Program program = test::three_stage_program();
  EXPECT_EQ(requested_listing(program, "tile=2"), listing(program, 2));
  EXPECT_EQ(requested_listing(program, "tile=3,0"),
            listing(program, 3) + "\n" + listing(program, 0));
}

TEST(RequestedListing, RefusesWhatIsNoListOfTiles) {
  const Program program = test::three_stage_program();
  for (const std::string request :
       {"", "3", "tile", "tile=", "tile=a", "tile=1,", "tile=1;2", "tile=1 "})
    EXPECT_EQ(test::refusal_of([&] { requested_listing(program, request); }),
              "'" + request + "' asks for no listing; allowed: tile=N or tile=N,N,...");
  EXPECT_THROW(requested_listing(program, "tile=4"), UserError);
  EXPECT_THROW(requested_listing(program, "tile=-1"), UserError);
  EXPECT_THROW(requested_listing(program, "tile=99999999999"), UserError);
}

TEST(Listing, NamesTheTilesThereAre) {
  EXPECT_EQ(test::refusal_of([&] { listing(test::three_stage_program(), 4); }),
            "tile 4: no such tile; allowed: 0 to 3");
}

}  // namespace tessera::mapping
