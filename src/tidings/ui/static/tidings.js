// Behaviour of data-attributes. Listeners sit on the document, so parts that htmx swaps in work without set-up.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  // data-confirm="Question?": asks before a click or a submit goes on, for plain forms and htmx alike.
  const agreed = new WeakSet();
  function ask(element, proceed) {
    const dialog = $("#confirm");
    const { confirm, confirmDetail = "", confirmYes = "Continue", confirmKind = "" } = element.dataset;
    $("[data-confirm-title]", dialog).textContent = confirm;
    $("[data-confirm-detail]", dialog).textContent = confirmDetail;
    const yes = $("[data-confirm-yes]", dialog);
    yes.textContent = confirmYes;
    yes.className = `btn btn-${confirmKind.replace("ghost-", "") || "primary"}`;
    dialog.returnValue = "";
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "yes") return;
      agreed.add(element);
      proceed();
      agreed.delete(element);
    }, { once: true });
    dialog.showModal();
  }
  function guard(event, element, proceed) {
    if (!element || agreed.has(element)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    ask(element, proceed);
  }
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-confirm]");
    guard(event, form, () => form.requestSubmit(event.submitter));
  }, true);
  document.addEventListener("click", (event) => {
    const element = event.target.closest("a[data-confirm], button[data-confirm]");
    guard(event, element, () => element.click());
  }, true);

  const clicks = {
    "[data-dialog]": (button) => document.getElementById(button.dataset.dialog)?.showModal(),
    "[data-close]": (button) => button.closest("dialog")?.close(),
    "[data-dismiss]": (button) => button.closest(button.dataset.dismiss)?.remove(),
    "[data-reveal]": (button) => {
      const field = document.getElementById(button.dataset.reveal);
      field.type = field.type === "password" ? "text" : "password";
    },
    // data-insert="text" data-into="field": writes at the cursor of a field, as if it had been typed.
    "[data-insert]": (button) => {
      const field = document.getElementById(button.dataset.into);
      field.focus();
      field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
      field.dispatchEvent(new Event("input", { bubbles: true }));
    },
    "[data-copy]": async (button) => {
      await navigator.clipboard.writeText($("code", button.parentElement).textContent);
      const label = $("span", button);
      const before = label.textContent;
      label.textContent = "Copied";
      setTimeout(() => { label.textContent = before; }, 1500);
    },
    "[data-back]": (link, event) => {
      if (history.length > 1) { event.preventDefault(); history.back(); }
    },
  };
  document.addEventListener("click", (event) => {
    for (const [selector, act] of Object.entries(clicks)) {
      const element = event.target.closest(selector);
      if (element) act(element, event);
    }
    if (event.target.matches("dialog.dialog")) event.target.close(); // a click beside the window
  });

  // What was wrong with a field is forgotten when it is changed.
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!field.matches?.("[aria-invalid]")) return;
    field.removeAttribute("aria-invalid");
    field.classList.remove("is-invalid");
    document.getElementById(`error-${field.name}`)?.remove();
  });

  // Selecting rows: the bar with bulk actions shows while any is selected.
  function countSelected(form) {
    const boxes = $$("[data-select]", form);
    const chosen = boxes.filter((box) => box.checked).length;
    const bar = $("[data-bulk-bar]", form);
    if (bar) { bar.hidden = chosen === 0; $("[data-bulk-count]", bar).textContent = chosen.toLocaleString("en"); }
    const all = $("[data-select-all]", form);
    if (all) { all.checked = chosen > 0 && chosen === boxes.length; all.indeterminate = chosen > 0 && chosen < boxes.length; }
  }
  document.addEventListener("change", (event) => {
    const target = event.target;
    const form = target.closest("form[data-bulk]");
    if (form && target.matches("[data-select-all]")) $$("[data-select]", form).forEach((box) => { box.checked = target.checked; });
    if (form) countSelected(form);
    if (target.matches(".drop-input")) {
      $("[data-drop-name]", target.closest("[data-drop]")).textContent = target.files[0]?.name ?? "Choose a file or drop it here";
    }
    if (target.matches("[data-submit-on-change]")) target.form.requestSubmit();
    showWhen();
  });
  // data-max-bytes: a file that is too large is refused here, before its megabytes are sent for nothing. The server refuses it too.
  document.addEventListener("change", (event) => {
    const field = event.target;
    const file = field.matches?.("input[type=file][data-max-bytes]") && field.files[0];
    const said = field.id && document.getElementById(field.id.replace("field-", "error-"));
    if (!file || !said) return;
    said.hidden = file.size <= Number(field.dataset.maxBytes);
    if (said.hidden) return;
    event.stopImmediatePropagation();
    said.textContent = `This file has ${(file.size / 1048576).toFixed(1)} MB, and ${(field.dataset.maxBytes / 1048576).toFixed(1)} MB are the most. Make it smaller, or send a link in the text.`;
    field.value = "";
  }, true);
  for (const [name, on] of [["dragenter", true], ["dragleave", false], ["drop", false]]) {
    document.addEventListener(name, (event) => event.target.closest?.("[data-drop]")?.classList.toggle("over", on));
  }

  // data-show-when="field=value" or "field!=value": a part of a form that only matters for some answers. What is hidden is not sent.
  function showWhen(root = document) {
    for (const part of $$("[data-show-when]", root)) {
      const [, name, not, wanted] = part.dataset.showWhen.match(/^(.+?)(!?)=(.*)$/);
      const field = part.closest("form")?.elements[name];
      const answer = field?.type === "checkbox" ? String(field.checked) : field?.value;
      part.hidden = (answer === wanted) === (not === "!");
      $$("input, select, textarea", part).forEach((input) => { input.disabled = part.hidden; });
    }
  }

  function toast(text, tone = "info") {
    const box = $("#toasts");
    if ($$("[data-text]", box).some((one) => one.textContent === text)) return;
    const item = $("#toast").content.firstElementChild.cloneNode(true);
    $("[data-text]", item).textContent = text;
    $(".status-dot", item).classList.add({ success: "status-green", info: "status-blue", warning: "status-yellow", danger: "status-red" }[tone]);
    box.append(item);
    setTimeout(() => item.remove(), tone === "danger" ? 12000 : 5000);
  }
  document.addEventListener("tidings:toast", (event) => toast(event.detail.text, event.detail.tone));
  document.addEventListener("htmx:error", (event) => {
    if (event.detail.error?.name !== "AbortError") toast("The server did not answer. Nothing was lost; check the connection and try again.", "danger");
  });

  // Charts: <div data-chart='{"kind": …}'>. ECharts is large, so it comes only to pages that have one.
  let library;
  const loadCharts = () => library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.body.dataset.echarts;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  const style = getComputedStyle(document.documentElement);
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const probe = document.createElement("span");
  // Tabler's colours are light-dark() and oklch(), which ECharts does not read: let the browser turn them into plain numbers.
  const colour = (name) => {
    probe.style.color = `var(--tblr-${name})`;
    if (!probe.isConnected) document.body.append(probe);
    canvas.fillStyle = getComputedStyle(probe).color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
    return `rgb(${r},${g},${b})`;
  };
  const PALETTE = ["blue", "green", "orange", "purple", "cyan", "red", "yellow", "teal"];
  function options({ kind, labels, series }, width) {
    const text = { color: colour("secondary"), fontFamily: style.getPropertyValue("--tblr-font-sans-serif") };
    const paint = (one, index) => colour(one.state === "secondary" ? "gray-400" : one.state ?? PALETTE[index % PALETTE.length]);
    // Rich text: the default tooltip is HTML with inline styles, which our content security policy refuses.
    const tooltip = { renderMode: "richText", confine: true, trigger: kind === "pie" ? "item" : "axis", padding: 10, borderColor: colour("gray-200"), textStyle: { fontSize: 12 } };
    const legend = { show: series.length > 1 || kind === "pie", bottom: 0, icon: "circle", itemWidth: 8, itemHeight: 8, itemGap: 16, textStyle: text };
    const base = { animationDuration: 300, textStyle: text, tooltip, legend, aria: { enabled: false } };
    if (kind === "pie") {
      const data = labels.map((name, index) => ({ name, value: series[0].data[index], itemStyle: { color: paint({ state: series[0].states?.[index] }, index) } }));
      return { ...base, series: [{ type: "pie", radius: ["58%", "82%"], center: ["50%", "44%"], label: { show: false }, itemStyle: { borderColor: "#fff", borderWidth: 2 }, data }] };
    }
    const stacked = kind === "stacked" || kind === "area";
    const isBar = kind === "bar" || kind === "stacked";
    return {
      ...base,
      grid: { left: 0, right: 8, top: 12, bottom: legend.show ? 10 + 22 * Math.ceil(series.reduce((wide, one) => wide + one.name.length * 7 + 30, 0) / width) : 4, containLabel: true },
      xAxis: { type: "category", data: labels, boundaryGap: isBar, axisTick: { show: false }, axisLine: { lineStyle: { color: colour("gray-300") } }, axisLabel: { ...text, hideOverlap: true } },
      yAxis: { type: "value", minInterval: 1, splitNumber: 4, axisLabel: { ...text, formatter: (value) => Intl.NumberFormat("en", { notation: "compact" }).format(value) }, splitLine: { lineStyle: { color: colour("gray-200") } } },
      series: series.map((one, index) => ({
        name: one.name, data: one.data, type: isBar ? "bar" : "line", stack: stacked ? "all" : undefined, color: paint(one, index),
        barMaxWidth: 26, smooth: false, showSymbol: false, lineStyle: { width: 2 }, areaStyle: kind === "area" ? { opacity: 0.18 } : undefined,
        itemStyle: isBar && !stacked ? { borderRadius: [3, 3, 0, 0] } : undefined, emphasis: { focus: "none" },
      })),
    };
  }
  const resized = new ResizeObserver((entries) => entries.forEach((entry) => window.echarts?.getInstanceByDom(entry.target)?.resize()));
  async function drawCharts() {
    const places = $$("[data-chart]");
    if (!places.length) return;
    await loadCharts();
    for (const place of places) {
      if (place.drawn === place.dataset.chart) continue;
      const chart = window.echarts.getInstanceByDom(place) ?? window.echarts.init(place);
      chart.setOption(options(JSON.parse(place.dataset.chart), place.clientWidth), true);
      place.drawn = place.dataset.chart;
      resized.observe(place);
    }
  }

  // The first start: what the browser knows of place and clock, until somebody chooses otherwise.
  function guess() {
    const known = { country: new Intl.Locale(navigator.language).region, timezone: Intl.DateTimeFormat().resolvedOptions().timeZone };
    for (const field of $$("select[data-guess]")) {
      const found = [...field.options].find((one) => one.value === known[field.dataset.guess]);
      if (found && !$(".is-invalid")) found.selected = true;
    }
  }

  function refresh() {
    showWhen();
    drawCharts();
    $$("dialog[data-open]:not([open])").forEach((dialog) => dialog.showModal());
    $$("form[data-bulk]").forEach(countSelected);
  }
  document.addEventListener("DOMContentLoaded", () => {
    new window.tabler.Tooltip(document.body, { selector: "[data-tip]", title: (element) => element.dataset.tip, trigger: "hover focus", delay: { show: 250, hide: 0 } });
    guess();
    refresh();
  });
  document.addEventListener("htmx:after:swap", () => {
    $$(".tooltip").forEach((left) => left.remove()); // its owner may be gone
    refresh();
  });
})();
