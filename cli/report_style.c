/* report_style.c - how a report looks: light and dark, on screens of any width and on paper.
 *
 * Pictures are drawn on white; they stay on a white card in the dark too. Charts and tables follow the colours below,
 * which have a contrast of at least 4.5 to their background. */
#include "cli/report.h"

/* clang-format off */
const char *const pal__report_style[] = {
"\n:root{color-scheme:light dark;--page:#fbfaf8;--card:#ffffff;--ink:#1c1e21;--soft:#5b6068;--line:#dedcd6;"
"--faint:#f1efea;--accent:#1f5fa8;--good:#1e7a46;--bad:#b3372f;"
"--c0:#1f5fa8;--c1:#c4501b;--c2:#1e7a46;--c3:#8a3f98;--c4:#8a6d00;--c5:#00798c;--c6:#b3372f;--c7:#5b6068}\n",
"@media(prefers-color-scheme:dark){:root{--page:#15171a;--card:#1d2024;--ink:#e8e6e1;--soft:#a4a9b1;--line:#353a41;"
"--faint:#25292e;--accent:#84b6f4;--good:#6fce98;--bad:#f2948d;"
"--c0:#84b6f4;--c1:#f3a071;--c2:#6fce98;--c3:#d59be2;--c4:#e0c255;--c5:#62cbdc;--c6:#f2948d;--c7:#a4a9b1}}\n",
"*{box-sizing:border-box}\n"
"html{font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Liberation Sans',sans-serif;"
"background:var(--page);color:var(--ink);scroll-behavior:smooth;-webkit-text-size-adjust:100%}\n"
"body{margin:0 auto;max-width:1180px;padding:0 24px;display:grid;grid-template-columns:188px minmax(0,1fr);"
"column-gap:44px}\n",
"nav{position:sticky;top:0;align-self:start;max-height:100vh;overflow:auto;padding:52px 0 24px;font-size:14px}\n"
"nav ul{list-style:none;margin:0;padding:0;border-left:1px solid var(--line)}\n"
"nav a{display:block;padding:3px 0 3px 14px;margin-left:-1px;border-left:2px solid transparent;color:var(--soft);"
"text-decoration:none}\n"
"nav a:hover,nav a:focus{color:var(--accent);border-color:var(--accent)}\n",
"main{padding:44px 0 96px;min-width:0}\n"
"header{margin-bottom:8px}\n"
".kind{margin:0;color:var(--accent);font-size:13px;font-weight:600;letter-spacing:.06em;text-transform:uppercase}\n"
"h1{font-size:34px;line-height:1.2;margin:4px 0 6px;letter-spacing:-.015em;overflow-wrap:anywhere}\n"
".lead{margin:0 0 22px;color:var(--soft);font-size:17px;max-width:72ch;overflow-wrap:anywhere}\n"
"section{margin-top:52px;scroll-margin-top:20px}\n"
"h2{font-size:22px;line-height:1.3;margin:0 0 14px;padding-bottom:7px;border-bottom:1px solid var(--line);"
"letter-spacing:-.01em}\n"
"h3{font-size:16px;margin:28px 0 8px;overflow-wrap:anywhere}\n"
"p{margin:0 0 12px;max-width:72ch;overflow-wrap:anywhere}\n"
".without{color:var(--soft);font-style:italic}\n",
".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:0 0 18px}\n"
".tiles>div{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 16px}\n"
".tiles dt{font-size:13px;color:var(--soft)}\n"
".tiles dd{margin:2px 0 0;font-size:24px;font-weight:600;line-height:1.25;letter-spacing:-.01em;"
"font-variant-numeric:tabular-nums}\n"
".tiles small{display:block;font-size:12.5px;font-weight:400;color:var(--soft);letter-spacing:0}\n"
".verdict{border-left:3px solid var(--good);background:var(--card);padding:11px 16px;border-radius:0 8px 8px 0;"
"margin:0 0 18px;max-width:none}\n"
".verdict.nothing{border-color:var(--bad)}\n",
".bar{height:6px;border-radius:3px;background:var(--line);overflow:hidden;min-width:72px;margin-top:8px;"
"-webkit-print-color-adjust:exact;print-color-adjust:exact}\n"
".bar div{height:100%;background:var(--accent)}\n"
"td .bar{display:inline-block;width:110px;margin:0;vertical-align:middle}\n",
".formula{background:var(--faint);border-radius:8px;padding:12px 18px;margin:0 0 14px;overflow-x:auto}\n"
".formula div{font-family:'Cambria Math','STIX Two Math','Latin Modern Math','DejaVu Serif',Georgia,serif;"
"font-size:18px;line-height:1.7;white-space:nowrap}\n"
"dl.facts{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:5px 22px;margin:0 0 14px}\n"
"dl.facts dt{color:var(--soft)}\n"
"dl.facts dd{margin:0;overflow-wrap:anywhere}\n",
".wide{overflow-x:auto;margin:0 0 16px}\n"
"table{border-collapse:collapse;width:100%;font-size:14.5px;font-variant-numeric:tabular-nums}\n"
"caption{caption-side:top;text-align:left;color:var(--soft);font-size:14px;padding:0 0 8px;max-width:76ch}\n"
"th{text-align:left;font-weight:600;color:var(--soft);font-size:13px;padding:6px 14px 6px 0;vertical-align:bottom;"
"border-bottom:1.5px solid var(--line)}\n"
"td{padding:6px 14px 6px 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}\n"
"th[scope=row]{color:var(--ink);font-size:14.5px;border-bottom:1px solid var(--line);vertical-align:top;white-space:nowrap}\n"
"th.number,td.number{text-align:right;white-space:nowrap;overflow-wrap:normal}\n"
"th:last-child,td:last-child{padding-right:2px}\n"
"tr.group th,tr.group td{border-top:1.5px solid var(--line)}\n"
"td.soft,td .soft{color:var(--soft)}\n"
".compact table{width:auto;min-width:min(30em,100%)}\n"
".compact td,.compact th{padding-right:28px}\n"
"td.best{font-weight:700;color:var(--good)}\n"
".mark{font-size:11.5px;font-weight:600;color:var(--good);margin-left:5px}\n"
".given{display:inline-block;font-size:11.5px;line-height:1.5;font-weight:600;color:var(--accent);"
"border:1px solid currentColor;border-radius:20px;padding:0 8px;margin-left:8px}\n"
"tr.idle td,tr.idle th[scope=row]{color:var(--soft)}\n",
"figure{margin:0 0 22px;background:var(--card);border:1px solid var(--line);border-radius:10px;overflow:hidden}\n"
"figure .paper{background:#fff;padding:14px;text-align:center;overflow-x:auto}\n"
"figure img{max-width:100%;height:auto;display:inline-block;vertical-align:middle}\n"
"figure .plot{padding:16px 16px 6px}\n"
"figcaption{padding:10px 18px 12px;font-size:14px;color:var(--soft);border-top:1px solid var(--line)}\n"
"figure .plot+figcaption{border-top:0;padding-top:2px}\n"
".swatches{list-style:none;display:flex;flex-wrap:wrap;gap:2px 20px;margin:0;padding:0 4px 8px;font-size:14px}\n"
".swatches li{overflow-wrap:anywhere}\n"
".swatches svg{width:26px;height:10px;margin-right:7px;vertical-align:middle}\n",
"svg.chart{display:block;width:100%;height:auto;overflow:visible}\n"
"svg text{font:12.5px system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Liberation Sans',sans-serif;"
"fill:var(--soft);font-variant-numeric:tabular-nums}\n"
"svg .grid{stroke:var(--line);stroke-width:1}\n"
"svg .break{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 4}\n"
"svg .axis{stroke:var(--soft);stroke-width:1}\n"
"svg .curve{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\n"
"svg .dashed{stroke-dasharray:6 5;stroke-width:1.6}\n"
"svg .dot{stroke:var(--card);stroke-width:1.5}"
"svg .marked{fill:var(--ink);paint-order:stroke;stroke:var(--card);stroke-width:5px;stroke-linejoin:round}\n",
"svg .s0{stroke:var(--c0)}svg .s1{stroke:var(--c1)}svg .s2{stroke:var(--c2)}svg .s3{stroke:var(--c3)}"
"svg .s4{stroke:var(--c4)}svg .s5{stroke:var(--c5)}svg .s6{stroke:var(--c6)}svg .s7{stroke:var(--c7)}\n"
"svg .f0{fill:var(--c0)}svg .f1{fill:var(--c1)}svg .f2{fill:var(--c2)}svg .f3{fill:var(--c3)}"
"svg .f4{fill:var(--c4)}svg .f5{fill:var(--c5)}svg .f6{fill:var(--c6)}svg .f7{fill:var(--c7)}\n",
"code,pre{font:13.5px/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',"
"monospace}\n"
"pre{background:var(--faint);border-radius:8px;padding:12px 16px;margin:0 0 14px;white-space:pre-wrap;"
"overflow-wrap:anywhere;-webkit-user-select:all;user-select:all}\n"
".run{border-top:1px solid var(--line);padding-top:4px;margin-top:26px}\n"
"main>section>.run:first-of-type{border-top:0;margin-top:0}\n",
"@media screen and (max-width:860px){svg.chart text{font-size:21px}body{display:block;padding:0 16px}"
"nav{background:var(--page);padding:0;margin:0 -16px;border-bottom:1px solid var(--line);z-index:1}"
"nav ul{display:flex;overflow-x:auto;border:0;padding:0 8px}nav a{white-space:nowrap;padding:10px 9px;margin:0;"
"border-left:0;border-bottom:2px solid transparent}main{padding-top:24px}section{margin-top:38px;"
"scroll-margin-top:56px}h1{font-size:27px}figure .paper{padding:8px}dl.facts{grid-template-columns:1fr;gap:0}"
"dl.facts dd{margin:0 0 8px}th[scope=row]{white-space:normal}}\n",
"@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--faint:#f4f4f4;"
"--accent:#1f5fa8;--good:#1e7a46;--bad:#b3372f;--c0:#1f5fa8;--c1:#c4501b;--c2:#1e7a46;--c3:#8a3f98;--c4:#8a6d00;"
"--c5:#00798c;--c6:#b3372f;--c7:#5b6068}html{font-size:10.5pt}body{display:block;max-width:none;padding:0}"
"nav{display:none}main{padding:0}section{margin-top:26px}h1{font-size:22pt}h2,h3{break-after:avoid}"
"figure,.tiles,.verdict,tr,pre,dt{break-inside:avoid}dt{break-after:avoid}figure img{max-height:19cm}.wide,figure .paper,.formula{"
"overflow:visible}table{font-size:9.5pt}td,th{padding-top:3px;padding-bottom:3px}th[scope=row]{white-space:normal}}\n",
"@page{margin:16mm}\n",
NULL};
/* clang-format on */
