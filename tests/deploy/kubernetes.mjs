// SPDX-License-Identifier: GPL-3.0-or-later
// The manifests of deploy/kubernetes against the published schemas of Kubernetes and KEDA, in which a field that no
// schema knows is an error; and against each other and the tree: what one names, another has.
// Standard input: what deploy/kubernetes/secrets prints.
import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { documents, here, load, packages, parse } from './documents.mjs';

const folder = 'deploy/kubernetes';
const read = (path) => readFileSync(`${here}/${path}`, 'utf8');

// ---- schemas ----
// The packages have a compiled validator for each kind. It reads all properties that its schema knows, so a property that
// it never reads is not in the schema.
async function validator(apiVersion, kind) {
  for (const pkg of ['kubernetes-models', '@kubernetes-models/keda']) {
    const path = `${packages}/${pkg}/${apiVersion}/${kind}.js`;
    if (!existsSync(path)) continue;
    const schema = /_schemas\/(\w+)\.js/.exec(readFileSync(path, 'utf8'))[1];
    return (await load(`${pkg}/_schemas/${schema}.js`)).validate;
  }
  return null;
}

function watched(value, path, unread) {
  if (value === null || typeof value !== 'object') return value;
  const inner = Array.isArray(value) ? [] : {};
  for (const [key, one] of Object.entries(value)) inner[key] = watched(one, `${path}/${key}`, unread);
  if (Array.isArray(value)) return inner;
  Object.keys(inner).forEach((key) => unread.add(`${path}/${key}`));
  return new Proxy(inner, {
    get(object, key) {
      if (typeof key === 'string') unread.delete(`${path}/${key}`);
      return object[key];
    },
  });
}

async function checkSchema(object, say) {
  const validate = await validator(object.apiVersion, object.kind);
  if (!validate) return say(`expected a published kind, got ${object.apiVersion} ${object.kind}`);
  if (!validate(object)) for (const e of validate.errors) say(`${e.instancePath}: ${e.keyword} ${JSON.stringify(e.params)}`);
  const unread = new Set();
  validate(watched(object, '', unread));
  for (const path of unread)
    if (![...unread].some((other) => path.startsWith(`${other}/`))) say(`${path}: expected a field of the schema, got this`);
}

// ---- kustomizations ----
const KUSTOMIZATION = ['apiVersion', 'kind', 'namespace', 'resources', 'configMapGenerator', 'images', 'patches'];

function readFolder(name, errors) {
  const path = `${folder}/${name}`;
  const kustomization = documents(`${path}/kustomization.yaml`)[0];
  const objects = [];
  for (const key of Object.keys(kustomization))
    if (!KUSTOMIZATION.includes(key)) errors.push(`${path}: expected one of ${KUSTOMIZATION.join(', ')}, got ${key}`);
  const listed = new Set(kustomization.resources);
  for (const file of readdirSync(`${here}/${path}`))
    if (file !== 'kustomization.yaml' && !listed.has(file)) errors.push(`${path}: ${file} is in no list of resources`);
  for (const resource of listed)
    if (resource.endsWith('.yaml'))
      for (const object of documents(`${path}/${resource}`)) objects.push({ object, file: `${path}/${resource}` });
    else if (!existsSync(`${here}/${path}/${resource}/kustomization.yaml`)) errors.push(`${path}: ${resource} is not there`);
  return { kustomization, objects };
}

// ---- one with another ----
const selects = (selector, labels) =>
  Object.entries(selector.matchLabels ?? selector).every(([key, value]) => labels[key] === value);

function bytes(quantity) {
  const [, number, unit] = /^(\d+)(Ki|Mi|Gi)?$/.exec(quantity);
  return Number(number) * { undefined: 1, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 }[unit];
}

function checkPod(spec, world, say) {
  const own = spec.containers[0].name;
  const pod = spec.securityContext ?? {};
  const user = new RegExp(`\\b${own.replace('-role', '')}:(\\d+)`).exec(world.dockerfile)?.[1];
  if (String(pod.runAsUser) !== user) say(`expected the image's user ${user}, got ${pod.runAsUser}`);
  if (pod.runAsNonRoot !== true) say('expected runAsNonRoot');
  if (pod.seccompProfile?.type !== 'RuntimeDefault') say('expected the seccomp profile RuntimeDefault');
  if (spec.automountServiceAccountToken !== false) say('expected no token of a service account');
  const volumes = new Map((spec.volumes ?? []).map((v) => [v.name, v]));
  for (const c of spec.containers) {
    const s = c.securityContext ?? {};
    if (s.allowPrivilegeEscalation !== false || s.readOnlyRootFilesystem !== true || s.capabilities?.drop?.[0] !== 'ALL')
      say(`${c.name}: expected no escalation, a read-only root and no capability`);
    if (!world.images.has(c.image)) say(`${c.name}: expected one of the images ${[...world.images].join(', ')}, got ${c.image}`);
    if (!c.resources?.limits?.memory || !c.resources?.requests) say(`${c.name}: expected requests and a limit of memory`);
    if (!c.readinessProbe || !c.livenessProbe || !c.startupProbe) say(`${c.name}: expected three probes`);
    const ports = new Set((c.ports ?? []).map((p) => p.name));
    for (const probe of [c.readinessProbe, c.livenessProbe, c.startupProbe]) {
      const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
      if (port !== undefined && !ports.has(port)) say(`${c.name}: a probe asks port ${port}, which it has not`);
    }
    for (const mount of c.volumeMounts ?? []) {
      const templates = world.claims.has(mount.name);
      if (!volumes.has(mount.name) && !templates) say(`${c.name}: mounts ${mount.name}, which is not there`);
    }
    for (const from of c.envFrom ?? [])
      if (!world.configMaps.has(from.configMapRef?.name)) say(`${c.name}: expected a generated ConfigMap, got ${from.configMapRef?.name}`);
    checkEnvironment(c, volumes, world, say);
  }
  for (const v of volumes.values())
    if (v.secret && !world.secrets.has(v.secret.secretName)) say(`expected a secret that \`secrets\` makes, got ${v.secret.secretName}`);
}

function checkEnvironment(container, volumes, world, say) {
  const env = new Map((container.env ?? []).map((e) => [e.name, e.value]));
  for (const [name, value] of env) {
    if (!name.startsWith('SQUARE_')) continue;
    const plain = name.replace(/_FILE$/, '');
    if (!world.variables.has(name) && !world.variables.has(plain)) say(`expected a variable of Square, got ${name}`);
    const endpoint = world.endpoints.get(name);
    const port = Number(/:(\d+)$/.exec(value)?.[1]);
    if (endpoint && !(container.ports ?? []).some((p) => p.containerPort === port)) say(`${name}: port ${port} is not declared`);
    const file = /^\/secrets\/(.+)$/.exec(value ?? '')?.[1];
    const secret = volumes.get('secrets')?.secret?.secretName;
    if (file && !world.secrets.get(secret)?.has(file)) say(`${name}: expected a key of the secret ${secret}, got ${file}`);
  }
  const compute = env.get('SQUARE_COMPUTE_MEMORY_MIB');
  if (compute) {
    const children = Number(container.resources.limits.cpu);
    const least = 1.5 * children * Number(compute) * 2 ** 20;
    if (bytes(container.resources.limits.memory) < least)
      say(`expected a limit of at least ${least} bytes for ${children} children of ${compute} MiB`);
  }
}

function checkGrace(spec, world, say) {
  const sleep = Number(spec.containers[0].lifecycle?.preStop?.exec?.command[1] ?? 0);
  const least = sleep + Number(world.settings.get('SQUARE_DRAIN_SECONDS')) + 5;
  if (!(spec.terminationGracePeriodSeconds >= least))
    say(`expected a grace of at least ${least} s (preStop, drain, 5), got ${spec.terminationGracePeriodSeconds}`);
}

function checkPolicy(policy, world, say) {
  const named = policy.spec.podSelector.matchLabels;
  const mine = named ? world.pods.filter((p) => selects(named, p.labels)) : world.pods;
  if (named && mine.length === 0) say('selects no pod');
  for (const rule of policy.spec.ingress ?? [])
    for (const { port } of rule.ports)
      if (!mine.some((p) => p.ports.has(port))) say(`lets in to port ${port}, which none of its pods has`);
  for (const rule of policy.spec.egress ?? [])
    for (const { podSelector } of rule.to)
      if (podSelector)
        for (const { port } of rule.ports) {
          const there = world.pods.filter((p) => selects(podSelector.matchLabels, p.labels));
          if (!there.some((p) => p.ports.has(port))) say(`lets out to port ${port}, which nobody there has`);
        }
}

function checkOne(object, world, say) {
  const spec = object.spec;
  const template = spec?.template;
  if (template) {
    if (!selects(spec.selector, template.metadata.labels)) say('its selector does not select its own pods');
    checkPod(template.spec, world, say);
    checkGrace(template.spec, world, say);
  }
  if (object.kind === 'Service') {
    const pods = world.pods.filter((p) => selects(spec.selector, p.labels));
    if (pods.length !== 1) say(`expected to select one kind of pod, got ${pods.length}`);
    for (const p of spec.ports) if (!pods[0]?.names.has(p.targetPort)) say(`targetPort ${p.targetPort}: its pods have no such port`);
  }
  if (object.kind === 'PodDisruptionBudget' && !world.pods.some((p) => selects(spec.selector, p.labels))) say('selects no pod');
  if (spec?.scaleTargetRef && !world.deployments.has(spec.scaleTargetRef.name)) say(`scales ${spec.scaleTargetRef.name}, which is not there`);
  if (object.kind === 'NetworkPolicy') checkPolicy(object, world, say);
  if (object.kind === 'TriggerAuthentication')
    for (const ref of spec.secretTargetRef)
      if (!world.secrets.get(ref.name)?.has(ref.key)) say(`expected a secret that \`secrets\` makes, got ${ref.name} ${ref.key}`);
  if (object.kind === 'ScaledObject') checkScaling(spec, world, say);
}

// What KEDA asks is a service that is there, and an answer that has the figure.
function checkScaling(spec, world, say) {
  const openapi = JSON.parse(read('web-role/openapi.json'));
  for (const { metadata, authenticationRef } of spec.triggers) {
    const url = new URL(metadata.url);
    const [service, namespace] = url.hostname.split('.');
    if (namespace !== 'square' || world.services.get(service)?.spec.ports[0].port !== Number(url.port))
      say(`${metadata.url}: no such service`);
    const route = openapi.paths[url.pathname.replace(/[^/]+$/, '{queue}')]?.get;
    const schema = JSON.stringify(openapi.components.schemas.Queue.properties);
    if (!route || !schema.includes(`"${metadata.valueLocation}"`)) say(`${metadata.url}: its answer has no ${metadata.valueLocation}`);
    if (!world.authentications.has(authenticationRef.name)) say(`no TriggerAuthentication ${authenticationRef.name}`);
  }
}

// ---- the world that the objects are held against ----
function worldOf(objects, kustomization, secrets) {
  const of = (kind) => objects.map((o) => o.object).filter((o) => o.kind === kind);
  const templates = [...of('Deployment'), ...of('StatefulSet')];
  const literals = kustomization.configMapGenerator.flatMap((g) => g.literals.map((l) => l.split(/=(.*)/s).slice(0, 2)));
  const snake = (name) => name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
  const endpoints = new Map(
    [...read('service.csdef').matchAll(/Endpoint name="(\w+)"/g)].map((m) => [`SQUARE_ENDPOINT_${snake(m[1])}`, m[1]]),
  );
  const variables = new Set([...read('docs/configuration.md').matchAll(/`(SQUARE_[A-Z_]+)`/g)].map((m) => m[1]));
  ['SQUARE_ADVERTISE_ADDRESS', ...endpoints.keys()].forEach((name) => variables.add(name));
  return {
    dockerfile: read('deploy/images/Dockerfile'),
    images: new Set(kustomization.images.map((i) => i.name)),
    configMaps: new Set(kustomization.configMapGenerator.map((g) => g.name)),
    settings: new Map(literals),
    endpoints,
    variables,
    secrets: new Map(secrets.map((s) => [s.metadata.name, new Set(Object.keys(s.stringData))])),
    claims: new Set(templates.flatMap((t) => (t.spec.volumeClaimTemplates ?? []).map((c) => c.metadata.name))),
    deployments: new Set(of('Deployment').map((d) => d.metadata.name)),
    services: new Map(of('Service').map((s) => [s.metadata.name, s])),
    authentications: new Set(of('TriggerAuthentication').map((a) => a.metadata.name)),
    pods: templates.map((t) => {
      const ports = t.spec.template.spec.containers.flatMap((c) => c.ports ?? []);
      return {
        labels: t.spec.template.metadata.labels,
        ports: new Set(ports.map((p) => p.containerPort)),
        names: new Set(ports.map((p) => p.name)),
      };
    }),
  };
}

async function checkAll(objects, world) {
  const errors = [];
  for (const { object, file } of objects) {
    const say = (what) => errors.push(`${file}: ${object.kind} ${object.metadata?.name}: ${what}`);
    await checkSchema(object, say);
    if (errors.length === 0) checkOne(object, world, say);
  }
  return errors;
}

// What is wrong must be found, or the check is worth nothing.
async function checkTheCheck(objects, world) {
  const wrong = [
    ['Deployment', (o) => (o.spec.template.spec.containers[0].imagePulPolicy = 'Always')],
    ['Deployment', (o) => (o.spec.strategy.rollingUpdate.maxSurge = [])],
    ['Deployment', (o) => delete o.spec.selector],
    ['Deployment', (o) => (o.spec.template.spec.containers[0].readinessProbe.periodSecond = 1)],
    ['Deployment', (o) => (o.spec.template.spec.volumes[0].secret.secretName = 'other')],
    ['Deployment', (o) => o.spec.template.spec.containers[0].env.push({ name: 'SQUARE_REDISURL', value: 'x' })],
    ['Deployment', (o) => (o.spec.template.spec.containers[0].livenessProbe.httpGet.port = 'htpp')],
    ['Deployment', (o) => (o.spec.template.spec.terminationGracePeriodSeconds = 10)],
    ['StatefulSet', (o) => delete o.spec.template.spec.containers[0].securityContext.capabilities],
    ['Service', (o) => (o.spec.ports[0].targetPort = 'other')],
    ['NetworkPolicy', (o) => (o.spec.policyTypes = 'Ingress')],
    ['HorizontalPodAutoscaler', (o) => (o.spec.scaleTargetRef.name = 'other')],
    ['ScaledObject', (o) => (o.spec.triggers[0].metadata.valueLocation = 'workers_desired')],
    ['ScaledObject', (o) => (o.spec.maxReplicaCont = 5)],
    ['TriggerAuthentication', (o) => (o.spec.secretTargetRef[0].key = 'other')],
  ];
  for (const [kind, spoil] of wrong) {
    const found = objects.find((o) => o.object.kind === kind);
    const copy = { file: found.file, object: structuredClone(found.object) };
    spoil(copy.object);
    if ((await checkAll([copy], world)).length === 0) throw new Error(`expected an error for ${kind} after ${spoil}, got none`);
  }
}

const errors = [];
const base = readFolder('base', errors);
const keda = readFolder('keda', errors);
const secrets = parse('what deploy/kubernetes/secrets prints', readFileSync(0, 'utf8'));
const version = /^VERSION *:= *(\S+)/m.exec(read('Makefile'))[1];
for (const { name, newTag } of base.kustomization.images)
  if (newTag !== version) errors.push(`${folder}/base: image ${name}: expected the tag ${version}, got ${newTag}`);
const objects = [...base.objects, ...keda.objects, ...secrets.map((object) => ({ object, file: `${folder}/secrets` }))];
const world = worldOf(objects, base.kustomization, secrets);
for (const name of world.settings.keys())
  if (!world.variables.has(name)) errors.push(`${folder}/base: expected a variable of Square, got ${name}`);
for (const pod of world.pods)
  if (!objects.some((o) => o.object.kind === 'NetworkPolicy' && selects(o.object.spec.podSelector.matchLabels ?? { none: 1 }, pod.labels)))
    errors.push(`no NetworkPolicy is for ${JSON.stringify(pod.labels)}`);
errors.push(...(await checkAll(objects, world)));
if (errors.length) {
  console.error(errors.join('\n'));
  process.exit(1);
}
await checkTheCheck(objects, world);
console.log(`kubernetes: ${objects.length} objects follow the published schemas, and fit together`);
