"use strict";
(() => {
  const byId = id => document.getElementById(id), root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => {
    root.dataset.theme = localStorage.getItem("tickhouse-theme") || (system.matches ? "dark" : "light");
  };
  paint();
  system.addEventListener("change", paint);
  byId("theme").addEventListener("click", () => {
    localStorage.setItem("tickhouse-theme", root.dataset.theme === "dark" ? "light" : "dark");
    paint();
  });
  const form = byId("filter"), NAMES = ["topic", "venue", "symbol", "kind", "text"], EVERY_MS = 15000;
  const at = ms => ms < 0 ? "-" : new Date(ms).toISOString().replace("T", " ").replace("Z", "");
  // What records hold is put in as text, never as markup.
  const add = (parent, tag, text, name) => {
    const element = parent.appendChild(document.createElement(tag));
    if (text !== undefined) element.textContent = text;
    if (name) element.className = name;
    return element;
  };
  // An answer that a later question has overtaken is dropped: it comes back as undefined.
  const numbers = { counts: 0, records: 0, record: 0 };
  const ask = async (address, query, notice) => {
    const number = ++numbers[address];
    byId(notice).textContent = "";
    let answer;
    try {
      const reply = await fetch("flows/" + address + "?" + new URLSearchParams(query), { cache: "no-store" });
      answer = await reply.json();
    } catch {
      answer = { error: "the dashboard does not answer" };
    }
    if (number !== numbers[address]) return undefined;
    if (!answer.error) return answer;
    byId(notice).textContent = answer.error;
    return null;
  };
  const chosen = () => {
    const pairs = NAMES.map(name => [name, form.elements[name].value.trim()]);
    return Object.fromEntries(pairs.filter(([, value]) => value));
  };
  const keep = place => {
    history.replaceState(null, "", "?" + new URLSearchParams({ ...chosen(), ...place }));
  };

  const drawCounts = answer => {
    const list = byId("counts"), edges = answer.edges_ms, SPACE = "http://www.w3.org/2000/svg";
    list.replaceChildren();
    for (const [topic, counts] of Object.entries(answer.counts)) {
      const row = add(list, "button", undefined, "topic" + (topic === form.elements.topic.value ? " chosen" : ""));
      row.type = "button";
      row.dataset.topic = topic;
      add(row, "span", topic);
      const chart = document.createElementNS(SPACE, "svg"), most = Math.max(...counts, 1);
      chart.setAttribute("viewBox", `0 0 ${counts.length} 30`);
      chart.setAttribute("preserveAspectRatio", "none");
      counts.forEach((count, index) => {
        const bar = document.createElementNS(SPACE, "rect"), height = 28 * count / most;
        bar.setAttribute("x", index + 0.1);
        bar.setAttribute("width", 0.8);
        bar.setAttribute("y", 30 - height);
        bar.setAttribute("height", height);
        const title = document.createElementNS(SPACE, "title");
        title.textContent = `${at(edges[index])}: ${count.toLocaleString("en")}`;
        bar.append(title);
        chart.append(bar);
      });
      row.append(chart);
      add(row, "span", counts.reduce((sum, count) => sum + count, 0).toLocaleString("en"), "total");
      row.addEventListener("click", () => {
        form.elements.topic.value = topic;
        for (const other of list.children) other.classList.toggle("chosen", other === row);
        showRecords();
      });
    }
  };
  const showCounts = async () => {
    const answer = await ask("counts", { range: byId("range").value }, "counts-notice");
    if (answer) drawCounts(answer);
  };
  const showRecords = async () => {
    keep({});
    numbers.record += 1;
    byId("record").hidden = true;
    const body = byId("records").tBodies[0], query = chosen();
    const answer = await ask("records", query, "records-notice");
    if (answer === undefined) return;
    body.replaceChildren();
    if (!answer) return;
    for (const record of answer.records) {
      const row = add(body, "tr");
      const place = `${record.partition}@${record.offset}`;
      for (const text of [at(record.time_ms), record.venue, record.symbol, record.kind, place, record.text]) {
        add(row, "td", text);
      }
      row.addEventListener("click", () => showRecord(query.topic, record.partition, record.offset));
    }
    const looked = `among the newest ${answer.searched.toLocaleString("en")} of each partition`;
    if (!answer.in_time) byId("records-notice").textContent = "not all was looked through in time: make the filter narrower";
    else if (!answer.records.length) byId("records-notice").textContent = "no record " + looked;
  };
  const showRecord = async (topic, partition, offset) => {
    const answer = await ask("record", { topic, partition, offset }, "records-notice");
    if (!answer) return;
    keep({ topic, partition, offset });
    byId("place").textContent = `${topic} / partition ${partition} / offset ${offset}`;
    const facts = byId("facts");
    facts.replaceChildren();
    const fact = (name, value) => { add(facts, "dt", name); add(facts, "dd", value); };
    fact("in Kafka since", answer.kafka_time || "-");
    fact("key", answer.key);
    fact("bytes", answer.bytes.toLocaleString("en") + (answer.is_cut ? " (the beginning is shown)" : ""));
    for (const [name, value] of Object.entries(answer.frame)) {
      const isTime = name.endsWith("_time") && typeof value === "number";
      fact("frame: " + name.replace("_", " "), isTime ? at(value / 1000) + ` (${value} µs)` : JSON.stringify(value));
    }
    if (answer.table) {
      fact("lands in", `./tickhouse sql "FROM ${answer.table} WHERE topic = '${topic}' AND \"partition\" = ${partition} AND \"offset\" = ${offset}"`);
    }
    for (const id of answer.order_ids) fact("explained by", `./tickhouse trace ${id}`);
    if (answer.raw_frame !== null) fact("frame as sent", answer.raw_frame);
    const message = answer.message;
    byId("message").textContent = typeof message === "string" ? message : JSON.stringify(message, null, 2);
    byId("record").hidden = false;
    byId("record").scrollIntoView({ block: "nearest" });
  };
  form.addEventListener("submit", event => { event.preventDefault(); showRecords(); });
  form.elements.topic.addEventListener("change", () => { showRecords(); showCounts(); });
  byId("range").addEventListener("change", showCounts);
  const wanted = new URLSearchParams(location.search);
  for (const name of NAMES) if (wanted.has(name)) form.elements[name].value = wanted.get(name);
  if (!form.elements.topic.value) form.elements.topic.selectedIndex = 0;
  (async () => {
    await Promise.all([showCounts(), showRecords()]);
    const isFirst = numbers.records === 1 && numbers.record === 1;
    if (isFirst && wanted.has("offset")) showRecord(form.elements.topic.value, wanted.get("partition"), wanted.get("offset"));
  })();
  setInterval(() => { if (!document.hidden) showCounts(); }, EVERY_MS);
})();
