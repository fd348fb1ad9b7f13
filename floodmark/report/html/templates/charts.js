// Draws the Vega-Lite charts of the page, and applies its controls to them.
'use strict';
var floodmark = (function () {
  const embedding = { actions: false, renderer: 'svg', mode: 'vega-lite' };

  // Sets the type of both axes, with the domain and the ticks for that type.
  function withAxes(spec, types, axes) {
    const copy = JSON.parse(JSON.stringify(spec));
    const made = axes || (copy.usermeta || {}).axes || {};
    for (const layer of copy.layer || [copy]) {
      for (const axis of ['x', 'y']) {
        const channel = layer.encoding[axis];
        if (!channel || !channel.scale || !channel.scale.type) continue;
        const type = channel.scale.type = types[axis] || channel.scale.type;
        if (!made[axis]) continue;
        channel.scale.domain = made[axis][type];
        if (type === 'log') channel.axis.values = made[axis].ticks;
        else delete channel.axis.values;
      }
    }
    return copy;
  }

  // A chart in an element. Changes are drawn one after the other.
  function chart(element, spec, data, axes) {
    const types = {}, signals = {};
    let view = null, turn = Promise.resolve();
    const queued = (work) => (turn = turn.then(work).catch((error) => console.error(error)));
    const whole = async () => {
      const made = { ...withAxes(spec, types, axes), width: 'container', datasets: data };
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
    // Vega gives groups of marks a role even if they are empty, so hide empty ones from screen readers.
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
      renew: (rows, reach) => queued(() => { data = rows; axes = reach; return whole(); }),
      forget: () => queued(() => { if (view) view.finalize(); element.replaceChildren(); delete element.dataset.drawn; }),
    };
  }

  // Applies the state of the controls: hidden servers, quantile and axes.
  function apply(box, charts, input) {
    const about = (kind) => !input || input.dataset[kind];
    if (about('series') || (input && input.dataset.all)) {
      const off = [...box.querySelectorAll('input[data-series]')].filter((i) => !i.checked).map((i) => i.dataset.series);
      for (const [name, one] of Object.entries(charts)) if (name !== 'pulse' && (input || off.length)) one.set('hidden', off);
    }
    for (const chosen of box.querySelectorAll('input[data-quantile]:checked')) {
      if (charts.latency && about('quantile')) charts.latency.set('quantile', chosen.dataset.quantile);
    }
    for (const one of input ? [input] : box.querySelectorAll('input[data-log]')) {
      if (!one.dataset.log || (!input && one.checked === one.defaultChecked)) continue;
      const type = one.checked ? 'log' : 'linear', users = one.dataset.log === 'users';
      for (const name of users ? ['goodput', 'latency'] : [one.dataset.log]) {
        if (charts[name]) charts[name].axis(users ? 'x' : 'y', type);
      }
    }
  }

  // ``current`` returns the charts that the controls act on.
  function controls(box, current) {
    box.addEventListener('change', (event) => {
      const input = event.target;
      if (input.dataset.all) {
        for (const one of box.querySelectorAll('input[data-series]')) one.checked = input.checked;
      }
      apply(box, current(), input);
    });
  }

  // Converts data from columns, which are shorter, to rows, which charts need.
  function rows(data) {
    const made = {};
    for (const [name, given] of Object.entries(data)) {
      if (!given.columns) { made[name] = given; continue; }
      const names = Object.keys(given.columns), length = names.length ? given.columns[names[0]].length : 0;
      made[name] = Array.from({ length }, (_, i) => Object.fromEntries(names.map((n) => [n, given.columns[n][i]])));
    }
    return made;
  }

  // Draws a report: the comparisons at once, the charts of a server when its section is opened.
  function report(data) {
    for (const [id, workload] of Object.entries(data.workloads)) {
      const charts = {}, given = rows(workload.data);
      for (const name of ['goodput', 'latency', 'history']) {
        const element = document.getElementById(id + '-' + name);
        if (element && workload[name]) charts[name] = chart(element, workload[name], given);
      }
      controls(document.getElementById(id + '-options'), () => charts);
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
  return { chart, controls, apply, report };
})();
