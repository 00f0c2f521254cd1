#include "sim/report/assets.h"

#if TESSERA_CHARTS

// The assembler copies each file into the read-only data of the program.
#define TESSERA_ASSET(name, path)                                                \
  __asm__(".pushsection .rodata\n" #name "_begin:\n.incbin \"" path "\"\n" #name \
          "_end:\n.popsection\n");                                               \
  extern "C" __attribute__((visibility("hidden"))) const char name##_begin[], name##_end[]

TESSERA_ASSET(asset_style, TESSERA_REPORT_WEB "/page.css");
TESSERA_ASSET(asset_numbers, TESSERA_REPORT_WEB "/numbers.js");
TESSERA_ASSET(asset_charts, TESSERA_REPORT_WEB "/charts.js");
TESSERA_ASSET(asset_layout, TESSERA_REPORT_WEB "/layout.js");
TESSERA_ASSET(asset_theme, TESSERA_REPORT_WEB "/theme.js");
TESSERA_ASSET(asset_runs, TESSERA_REPORT_WEB "/runs.js");
TESSERA_ASSET(asset_sections, TESSERA_REPORT_WEB "/sections.js");
TESSERA_ASSET(asset_roofline, TESSERA_REPORT_WEB "/roofline.js");
TESSERA_ASSET(asset_maps, TESSERA_REPORT_WEB "/maps.js");
TESSERA_ASSET(asset_mesh, TESSERA_REPORT_WEB "/mesh.js");
TESSERA_ASSET(asset_page, TESSERA_REPORT_WEB "/page.js");
TESSERA_ASSET(asset_pareto, TESSERA_REPORT_WEB "/pareto.js");
TESSERA_ASSET(asset_sweep, TESSERA_REPORT_WEB "/sweep.js");
TESSERA_ASSET(asset_network, TESSERA_REPORT_WEB "/network.js");
TESSERA_ASSET(asset_echarts, TESSERA_CHARTS_DIR "/node_modules/echarts/dist/echarts.min.js");
TESSERA_ASSET(asset_licences, TESSERA_CHARTS_DIR "/licences.txt");

namespace tessera::sim {

bool charts_available() { return true; }

ReportAssets report_assets() {
  const auto script = [](const char* begin, const char* end) {
    return std::string_view(begin, static_cast<std::size_t>(end - begin));
  };
  const std::vector<std::string_view> common = {
      script(asset_numbers_begin, asset_numbers_end), script(asset_charts_begin, asset_charts_end),
      script(asset_layout_begin, asset_layout_end), script(asset_theme_begin, asset_theme_end)};
  auto runs = common, study = common, network = common;
  runs.insert(
      runs.end(),
      {script(asset_runs_begin, asset_runs_end), script(asset_sections_begin, asset_sections_end),
       script(asset_roofline_begin, asset_roofline_end), script(asset_maps_begin, asset_maps_end),
       script(asset_mesh_begin, asset_mesh_end), script(asset_page_begin, asset_page_end)});
  study.insert(study.end(), {script(asset_pareto_begin, asset_pareto_end),
                             script(asset_sweep_begin, asset_sweep_end)});
  network.insert(network.end(), {script(asset_maps_begin, asset_maps_end),
                                 script(asset_network_begin, asset_network_end)});
  return {script(asset_style_begin, asset_style_end),
          script(asset_echarts_begin, asset_echarts_end),
          script(asset_licences_begin, asset_licences_end),
          runs,
          study,
          network};
}

}  // namespace tessera::sim

#else

namespace tessera::sim {

bool charts_available() { return false; }
ReportAssets report_assets() { return {}; }

}  // namespace tessera::sim

#endif
