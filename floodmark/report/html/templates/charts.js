// Draws the page's Vega-Lite charts and lets its controls act on them.
'use strict';
var floodmark = (function () {
  const embedding = { actions: false, renderer: 'svg', mode: 'vega-lite' };

  // Of both axes: the type, and with it the domain and ticks that were made for it.
  function withAxes(spec, types) {
    const copy = JSON.parse(JSON.stringify(spec));
    const made = (copy.usermeta || {}).axes || {};
    for (const layer of copy.layer || [copy]) {
      for (const axis of ['x', 'y']) {
        const channel = layer.encoding[axis];
        if (!channel || !channel.scale || !types[axis]) continue;
        channel.scale.type = types[axis];
        if (!made[axis]) continue;
        channel.scale.domain = made[axis][types[axis]];
        if (types[axis] === 'log') channel.axis.values = made[axis].ticks;
        else delete channel.axis.values;
      }
    }
    return copy;
  }

  // One chart in one element. Changes are drawn one after the other.
  function chart(element, spec, data) {
    const types = {}, signals = {};
    let view = null, turn = Promise.resolve();
    const queued = (work) => (turn = turn.then(work).catch((error) => console.error(error)));
    const whole = async () => {
      const made = { ...withAxes(spec, types), width: 'container', datasets: data };
      if (view) view.finalize();
      const static_ = element.querySelector(':scope > svg');
      if (static_) element.style.minHeight = element.offsetHeight + 'px';
      view = (await vegaEmbed(element, made, embedding)).view;
      element.dataset.drawn = 'yes';
      await signal();
    };
    const signal = async () => {
      for (const [name, value] of Object.entries(signals)) view.signal(name, value);
      await drawn();
    };
    // Vega gives a group of marks the role of a symbol even when there is nothing in it to name.
    const drawn = async () => {
      await view.runAsync();
      for (const group of element.querySelectorAll('g.role-mark[role]:not([aria-label])')) {
        if (group.childElementCount) group.removeAttribute('aria-hidden');
        else group.setAttribute('aria-hidden', 'true');
      }
    };
    queued(whole);
    return {
      axis: (axis, type) => queued(() => { types[axis] = type; return whole(); }),
      set: (name, value) => queued(() => { signals[name] = value; return signal(); }),
      replace: (rows) => queued(async () => {
        data = { ...data, ...rows };
        for (const name of Object.keys(rows)) view.data(name, rows[name]);
        await drawn();
      }),
    };
  }

  // The controls of one set of charts: which servers show, which quantile, which axes are logarithmic.
  function controls(box, charts) {
    const tell = () => {
      const hidden = [...box.querySelectorAll('input[data-series]')].filter((i) => !i.checked).map((i) => i.dataset.series);
      for (const one of Object.values(charts)) one.set('hidden', hidden);
    };
    box.addEventListener('change', (event) => {
      const input = event.target;
      if (input.dataset.all) {
        for (const one of box.querySelectorAll('input[data-series]')) one.checked = input.checked;
      }
      if (input.dataset.series || input.dataset.all) tell();
      else if (input.dataset.quantile && charts.latency) charts.latency.set('quantile', input.dataset.quantile);
      else if (input.dataset.log) {
        const type = input.checked ? 'log' : 'linear';
        if (input.dataset.log === 'users') for (const name of ['goodput', 'latency']) charts[name].axis('x', type);
        else charts[input.dataset.log].axis('y', type);
      }
    });
  }

  // Data comes as columns, which name everything once; a chart wants rows.
  function rows(data) {
    const made = {};
    for (const [name, given] of Object.entries(data)) {
      if (!given.columns) { made[name] = given; continue; }
      const names = Object.keys(given.columns), length = names.length ? given.columns[names[0]].length : 0;
      made[name] = Array.from({ length }, (_, i) => Object.fromEntries(names.map((n) => [n, given.columns[n][i]])));
    }
    return made;
  }

  // Everything of a report: the comparisons at once, a server's own charts when its section is opened.
  function report(data) {
    for (const [id, workload] of Object.entries(data.workloads)) {
      const charts = {}, given = rows(workload.data);
      for (const name of ['goodput', 'latency', 'history']) {
        const element = document.getElementById(id + '-' + name);
        if (element && workload[name]) charts[name] = chart(element, workload[name], given);
      }
      controls(document.getElementById(id + '-options'), charts);
    }
    for (const [id, server] of Object.entries(data.servers)) {
      const section = document.getElementById(id);
      const open = () => {
        if (!section.open || section.dataset.opened) return;
        section.dataset.opened = 'yes';
        const given = rows(server);
        for (const name of ['places', 'cores', 'histogram']) {
          const element = document.getElementById(id + '-' + name);
          if (element) chart(element, data.templates[name], given);
        }
      };
      section.addEventListener('toggle', open);
      open();
    }
  }
  return { chart, controls, report };
})();
