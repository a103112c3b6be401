// SPDX-License-Identifier: GPL-3.0-or-later
// metrics.mjs URL: every metric, label and label value that the rules, alerts, dashboard and manifests name is in the
// exposition at URL, and docs/metrics.md lists exactly what is in it. Instances tell of themselves every few seconds, so
// it is asked until it holds, or 30 s have passed.
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { documents, here } from './documents.mjs';

const OWN = new Set(['job', 'instance', 'le']); // Prometheus' own, and the histograms'
const read = (path) => readFileSync(`${here}/${path}`, 'utf8');

const ask = (url) =>
  new Promise((done, failed) => {
    get(url, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece) => (text += piece));
      answer.on('end', () =>
        answer.statusCode === 200 ? done(text) : failed(new Error(`expected 200 from ${url}, got ${answer.statusCode}`)),
      );
    }).on('error', failed);
  });

// ---- what there is: family → label → values ----
function parseExposition(text) {
  const families = new Map();
  const types = new Map();
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type) types.set(type[1], type[2]);
    const sample = /^([a-z_]+)(?:\{(.*)\})? \S+$/.exec(line);
    if (!sample) continue;
    if (!families.has(sample[1])) families.set(sample[1], new Map());
    for (const [, label, value] of (sample[2] ?? '').matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)) {
      const values = families.get(sample[1]);
      if (!values.has(label)) values.set(label, new Set());
      values.get(label).add(value);
    }
  }
  return { families, types };
}

// ---- what is named: [where, expression] ----
function expressions() {
  const all = [];
  const recorded = new Set();
  for (const file of ['deploy/prometheus/square.rules.yml', 'deploy/prometheus/square.alerts.yml'])
    for (const group of documents(file)[0].groups)
      for (const rule of group.rules) {
        all.push([`${file}: ${rule.record ?? rule.alert}`, rule.expr]);
        if (rule.record) recorded.add(rule.record);
      }
  for (const test of documents('tests/deploy/alerts_test.yml')[0].tests)
    for (const series of test.input_series) all.push([`tests/deploy/alerts_test.yml: ${test.name}`, series.series]);
  const dashboard = JSON.parse(read('deploy/grafana/square.json'));
  for (const panel of dashboard.panels)
    for (const target of panel.targets ?? []) all.push([`dashboard: ${panel.title}`, target.expr]);
  for (const note of dashboard.annotations.list) all.push([`dashboard: ${note.name}`, note.expr]);
  for (const variable of dashboard.templating.list)
    if (variable.type === 'query') all.push([`dashboard: $${variable.name}`, variable.definition]);
  return { all, recorded };
}

// A value that the service must have; what a variable, a time or a client decides cannot be told here.
function checkMatcher(name, values, label, operator, value, say) {
  if (value.includes('$') || label === 'code' || label === 'version' || value === '') return;
  if (label === 'role_instance' || label === 'queue' || label === 'loop' || label === 'le') return;
  for (const one of operator.includes('~') ? value.split('|') : [value])
    if (!/[.*+[\]()]/.test(one) && !values.has(one))
      say(`${name}: label ${label}: expected one of ${[...values].sort().join(', ')}, got ${one}`);
}

function checkExpression(expr, { families }, recorded, say) {
  const labels = new Set(OWN);
  const bare = expr.replace(/"(?:[^"\\]|\\.)*"/g, (s) => s.replace(/[a-z_]/g, 'X'));
  let found = 0;
  for (const use of bare.matchAll(/(?<![\w$:."])([a-z][a-z_:0-9]*)(?:\{([^}]*)\})?/g)) {
    const name = use[1];
    if (name.includes(':')) {
      found++;
      if (!recorded.has(name)) say(`${name}: expected a recorded series, found no rule for it`);
      name.split(':')[0].split('_').forEach((label) => labels.add(label));
      continue;
    }
    if (name === 'up') found++;
    if (!/^(square|process)_/.test(name)) continue;
    found++;
    const has = families.get(name);
    if (!has) {
      say(`${name}: expected a metric of /metrics, there is none`);
      continue;
    }
    has.forEach((_, label) => labels.add(label));
    const selector = use[2] === undefined ? '' : expr.slice(use.index + name.length, use.index + use[0].length);
    for (const [, label, operator, value] of selector.matchAll(/([a-z_]+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"/g))
      if (OWN.has(label)) continue;
      else if (!has.has(label)) say(`${name}: expected one of its labels ${[...has.keys()].join(', ')}, got ${label}`);
      else checkMatcher(name, has.get(label), label, operator, value, say);
  }
  for (const [, list] of bare.matchAll(/\b(?:by|on|without|ignoring)\s*\(([^)]*)\)/g))
    for (const label of list.split(',').map((s) => s.trim()))
      if (!labels.has(label)) say(`expected a label of its metrics (${[...labels].join(', ')}), got ${label}`);
  if (!found) say('expected an expression with a metric, found none');
}

function checkDocs({ types }, say) {
  const listed = new Map([...read('docs/metrics.md').matchAll(/^\| `([a-z_]+)` \| (\w+) \|/gm)].map((m) => [m[1], m[2]]));
  for (const [name, type] of types)
    if (!listed.has(name)) say(`docs/metrics.md: expected a line for ${name}, found none`);
    else if (listed.get(name) !== type) say(`docs/metrics.md: ${name}: expected ${type}, got ${listed.get(name)}`);
  for (const name of listed.keys()) if (!types.has(name)) say(`docs/metrics.md: ${name} is not in /metrics`);
}

function check(text, { all, recorded }) {
  const there = parseExposition(text);
  const errors = [];
  for (const [where, expr] of all) checkExpression(expr, there, recorded, (what) => errors.push(`${where}: ${what}`));
  checkDocs(there, (what) => errors.push(what));
  return { errors, there };
}

// What is wrong must be found, or the check is worth nothing.
function checkTheCheck({ families }, recorded) {
  const wrong = [
    'square_queue_job{queue="math"}',
    'square_queue_jobs{que="math"}',
    'square_queue_jobs{state="waiting"}',
    'sum by (qeue) (square_queue_jobs)',
    'job:square_nothing:rate5m',
    'rate(square_compute_ended_total{cause=~"crash|memori"}[5m])',
    'vector(1)',
  ];
  for (const expr of wrong) {
    let said = 0;
    checkExpression(expr, { families }, recorded, () => said++);
    if (!said) throw new Error(`expected an error for ${expr}, got none`);
  }
}

const named = expressions();
const until = Date.now() + 30000;
for (;;) {
  const { errors, there } = check(await ask(process.argv[2]), named);
  if (errors.length === 0) {
    checkTheCheck(there, named.recorded);
    console.log(`metrics: ${named.all.length} expressions name only what is there; docs/metrics.md lists all ${there.types.size}`);
    break;
  }
  if (Date.now() > until) {
    console.error(errors.join('\n'));
    process.exit(1);
  }
  await new Promise((done) => setTimeout(done, 500));
}
