// Fetches new data from the generator once a second, and draws it.
'use strict';
(function () {
  const EVERY_MS = 1000;
  const specs = JSON.parse(document.getElementById('specs').textContent);
  const box = document.getElementById('live-options');
  const heard = document.getElementById('heard');
  let charts = {}, have = { run: 0, visits: 0, seconds: 0 }, seconds = [], visits = [];

  function begin(run) {
    for (const one of Object.values(charts)) one.forget();
    charts = {};
    seconds = [];
    visits = [];
    have = { run, visits: 0, seconds: 0 };
  }

  // A chart is created once it has data.
  function draw(name, data, axes, known) {
    if (charts[name]) charts[name].renew(data, axes);
    else if (known) {
      charts[name] = floodmark.chart(document.getElementById('live-' + name), specs[name], data, axes);
      floodmark.apply(box, charts);
    }
  }

  function take(state) {
    if (state.run !== have.run) begin(state.run);
    for (const item of document.querySelectorAll('[data-fact]')) {
      if (item.textContent !== state.facts[item.dataset.fact]) item.textContent = state.facts[item.dataset.fact];
    }
    seconds = seconds.concat(state.new_seconds);
    if (state.charts) {
      const { data, axes } = state.charts;
      visits = state.charts.visits;
      draw('goodput', data, axes.goodput, data.points.length);
      draw('latency', data, axes.latency, axes.latency.y);
    }
    if (state.new_seconds.length || state.charts) draw('pulse', { seconds, visits }, null, seconds.length);
    have = { run: state.run, visits: state.visits, seconds: state.seconds };
    heard.textContent = (state.running ? 'searching' : 'no search running') + ', ' + have.seconds + ' s measured';
    heard.dataset.seconds = have.seconds;
  }

  async function ask() {
    try {
      const answer = await fetch('./saturation/state.json?' + new URLSearchParams(have), { cache: 'no-store' });
      if (answer.ok) take(await answer.json());
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      heard.textContent = 'the generator does not answer; it has stopped';
    } finally {
      setTimeout(ask, EVERY_MS);
    }
  }

  floodmark.controls(box, () => charts);
  ask();
})();
