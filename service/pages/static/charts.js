// Draws the charts of a report from the JSON beside them. The tables hold the same numbers; without this script a still
// picture stands in its place.
(() => {
  "use strict";
  const drawn = new Map();
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colours = (printing) => printing
    ? { ink: "#000", soft: "#444", line: "#bbb", accent: "#1d4ed8", bar: "#93a4bf", paper: "#fff" }
    : Object.fromEntries(["ink", "soft", "line", "accent", "bar", "paper"].map((name) => [name, colour(`--${name}`)]));
  const SERIES = ["#4c7be0", "#d9822b", "#2f9e6e", "#b45ad6", "#c74a5a", "#7d8796"];
  const SHAPES = ["circle", "rect", "triangle", "diamond", "roundRect", "pin"];

  const font = () => ({ fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 14 });
  const axis = (name, paint, more) => ({
    type: "value", name, nameLocation: "middle", nameGap: 30, scale: true, nameTextStyle: { color: paint.soft, fontSize: 13 },
    axisLabel: { color: paint.soft, fontSize: 13 }, axisLine: { show: false }, splitLine: { lineStyle: { color: paint.line } }, ...more,
  });
  // Texts are set as text: names of labels and arms may hold anything.
  const told = (lines, paint) => {
    const box = document.createElement("div");
    for (const line of lines) {
      const row = document.createElement("div");
      row.textContent = line;
      row.style.color = paint.ink;
      row.style.whiteSpace = "normal";
      row.style.maxWidth = "18rem";
      box.append(row);
    }
    return box;
  };
  const tooltip = (paint, formatter) => ({
    trigger: "item", confine: true, backgroundColor: paint.paper, borderColor: paint.line, formatter,
  });

  // Round ends that show every interval.
  const ends = (rows, zero) => {
    const values = rows.flatMap((row) => [row.low, row.high]).concat(zero ? [0] : []);
    const low = Math.min(...values), high = Math.max(...values);
    const step = high - low > 20 ? 10 : high - low > 8 ? 5 : 1;
    return { min: Math.floor(low / step) * step, max: Math.ceil(high / step + 1e-9) * step };
  };

  const forest = (chart, paint, narrow) => {
    const rows = [...chart.rows].reverse();
    const names = rows.map((row) => row.name);
    const line = (row) => (row.chosen ? paint.accent : paint.bar);
    return {
      animation: false, textStyle: font(),
      grid: { left: narrow ? 12 : 240, right: 28, top: narrow ? 16 : 8, bottom: 52 },
      tooltip: tooltip(paint, (point) => told([rows[point.data.row].name, rows[point.data.row].text], paint)),
      xAxis: axis(chart.axis, paint, ends(rows, chart.zero)),
      yAxis: {
        type: "category", data: names, axisTick: { show: false }, axisLine: { show: false },
        axisLabel: narrow
          ? { color: paint.ink, fontSize: 13, inside: true, align: "left", verticalAlign: "bottom", padding: [0, 0, 10, -6] }
          : { color: paint.ink, fontSize: 14, width: 225, overflow: "break" },
        z: 5,
      },
      series: [
        ...rows.map((row, place) => ({
          type: "line", symbol: "none", lineStyle: { width: 6, color: line(row), cap: "round" }, z: 2, silent: false,
          triggerLineEvent: true,
          data: [{ value: [row.low, row.name], row: place }, { value: [row.high, row.name], row: place }],
        })),
        {
          type: "scatter", symbolSize: 14, z: 3,
          data: rows.map((row, place) => ({
            value: [row.value, row.name], row: place,
            itemStyle: { color: row.chosen ? paint.accent : paint.ink, borderColor: paint.paper, borderWidth: 2 },
          })),
          markLine: chart.zero
            ? { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: paint.soft, type: "solid", width: 2 }, data: [{ xAxis: 0 }] }
            : undefined,
        },
      ],
    };
  };

  const curve = (chart, paint, narrow) => ({
    animation: false, textStyle: font(), color: SERIES,
    grid: { left: 56, right: 24, top: narrow ? 16 + 26 * chart.series.length : 52, bottom: 52 },
    legend: { top: 0, left: 0, orient: narrow ? "vertical" : "horizontal", textStyle: { color: paint.ink, ...font() }, itemGap: 14 },
    tooltip: tooltip(paint, (point) => told([point.seriesName, `${point.value[0]} rows: ${point.value[1].toFixed(1)}%`], paint)),
    xAxis: axis(chart.across, paint, { minInterval: 1 }),
    yAxis: axis(chart.axis, paint, { nameGap: 40 }),
    series: chart.series.map((one, place) => ({
      type: "line", name: one.name, data: one.points, symbol: SHAPES[place % SHAPES.length], symbolSize: 9, lineStyle: { width: 2.5 },
    })),
  });

  const height = (chart, narrow) => chart.kind === "curve" ? 340 + (narrow ? 26 * chart.series.length - 40 : 0) : 64 + (narrow ? 52 : 40) * chart.rows.length;

  const draw = (figure, printing = false) => {
    const chart = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    let box = figure.querySelector(".drawn");
    if (!box) {
      box = document.createElement("div");
      box.className = "drawn";
      box.setAttribute("aria-hidden", "true");
      figure.prepend(box);
    }
    figure.classList.add("is-drawn");
    const width = printing ? 660 : figure.clientWidth;
    const narrow = width < 560;
    box.style.height = `${height(chart, narrow)}px`;
    let plot = drawn.get(figure);
    if (!plot || plot.isDisposed()) {
      plot = window.echarts.init(box, null, { width, height: height(chart, narrow), devicePixelRatio: Math.max(2, window.devicePixelRatio) });
      drawn.set(figure, plot);
    }
    plot.resize({ width, height: height(chart, narrow) });
    const paint = colours(printing);
    plot.setOption(chart.kind === "curve" ? curve(chart, paint, narrow) : forest(chart, paint, narrow), true);
  };
  const drawAll = (printing = false) => {
    if (!window.echarts) return;
    for (const [figure, plot] of drawn) {
      if (!figure.isConnected) { plot.dispose(); drawn.delete(figure); }
    }
    document.querySelectorAll("figure[data-chart]").forEach((figure) => draw(figure, printing === true));
  };

  document.addEventListener("DOMContentLoaded", () => drawAll());
  document.addEventListener("htmx:after:swap", () => {
    if ([...document.querySelectorAll("figure[data-chart]")].some((figure) => !drawn.has(figure))) drawAll();
  });
  dark.addEventListener("change", () => drawAll());
  window.addEventListener("resize", () => drawAll());
  window.addEventListener("beforeprint", () => drawAll(true));
  window.addEventListener("afterprint", () => drawAll());
})();
