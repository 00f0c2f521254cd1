#include "sim/report/assets.h"

#if TESSERA_CHARTS

// The assembler copies each file into the read-only data of the program.
#define TESSERA_ASSET(name, path)                                                \
  __asm__(".pushsection .rodata\n" #name "_begin:\n.incbin \"" path "\"\n" #name \
          "_end:\n.popsection\n");                                               \
  extern "C" __attribute__((visibility("hidden"))) const char name##_begin[], name##_end[]

TESSERA_ASSET(asset_style, TESSERA_REPORT_WEB "/page.css");
TESSERA_ASSET(asset_runs, TESSERA_REPORT_WEB "/runs.js");
TESSERA_ASSET(asset_charts, TESSERA_REPORT_WEB "/charts.js");
TESSERA_ASSET(asset_sections, TESSERA_REPORT_WEB "/sections.js");
TESSERA_ASSET(asset_roofline, TESSERA_REPORT_WEB "/roofline.js");
TESSERA_ASSET(asset_mesh, TESSERA_REPORT_WEB "/mesh.js");
TESSERA_ASSET(asset_page, TESSERA_REPORT_WEB "/page.js");
TESSERA_ASSET(asset_echarts, TESSERA_CHARTS_DIR "/node_modules/echarts/dist/echarts.min.js");
TESSERA_ASSET(asset_licences, TESSERA_CHARTS_DIR "/licences.txt");

namespace tessera::sim {

bool charts_available() { return true; }

ReportAssets report_assets() {
  return {{asset_style_begin, asset_style_end},
          {asset_echarts_begin, asset_echarts_end},
          {asset_licences_begin, asset_licences_end},
          {{asset_runs_begin, asset_runs_end},
           {asset_charts_begin, asset_charts_end},
           {asset_sections_begin, asset_sections_end},
           {asset_roofline_begin, asset_roofline_end},
           {asset_mesh_begin, asset_mesh_end},
           {asset_page_begin, asset_page_end}}};
}

}  // namespace tessera::sim

#else

namespace tessera::sim {

bool charts_available() { return false; }
ReportAssets report_assets() { return {}; }

}  // namespace tessera::sim

#endif
