// SQL that inserts rows where the API cannot: of the past, or very many.

import { createHash } from 'node:crypto';

export const DAY = 86_400_000;
const MINUTE = 60_000;
const now = Date.now();

/** An SQL expression. */
export class Sql {
  constructor(readonly text: string) {}
}

type Value = string | number | null | Sql;

function quote(value: Value): string {
  if (value instanceof Sql) {
    return value.text;
  }
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value);
}

function insert(table: string, row: Record<string, Value>): string {
  return `insert into ${table} (${Object.keys(row).join(', ')}) values (${Object.values(row).map(quote).join(', ')});`;
}

export function update(table: string, row: Record<string, Value>, id: string): string {
  const values = Object.entries(row).map(([column, value]) => `${column} = ${quote(value)}`);
  return `update ${table} set ${values.join(', ')} where id = ${quote(id)};`;
}

/** All statements or none, and much faster than one by one. */
export function transaction(statements: string[]): string {
  return ['begin immediate;', ...statements, 'commit;'].join('\n');
}

/** Sixteen bytes that are the same in every run. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

let ids = 0;
function newId(prefix: string): string {
  ids += 1;
  return `${prefix}_${digest(`${prefix} ${ids}`)}`;
}

/** A number from 0 to below `end` that looks random and is the same in every run. */
function scatter(index: number, end: number): number {
  return Number.parseInt(digest(String(index)).slice(0, 8), 16) % end;
}

const fold = (text: string) => text.normalize('NFC').toLowerCase();
const minutesAgo = (minutes: number) => Math.round(now - minutes * MINUTE);
export const daysAgo = (days: number) => Math.round(now - days * DAY);

/** The id of a user. */
export const userId = (email: string) => new Sql(`(select id from users where email_folded = ${quote(fold(email))})`);
const organizationOf = (email: string) => new Sql(`(select organization_id from users where email_folded = ${quote(fold(email))})`);
const roleOf = (owner: string, role: string) =>
  new Sql(`(select id from roles where organization_id = ${organizationOf(owner).text} and name = ${quote(role)})`);

/** Times of a key, from its age and lifetime in days and the minutes since its last use. */
export function keyTimes(age: number, idle?: number, lifetime: number | null = 90) {
  return {
    created_at: daysAgo(age),
    expires_at: lifetime === null ? null : daysAgo(age - lifetime),
    last_used_at: idle === undefined ? null : minutesAgo(idle),
  };
}

/** A member who cannot sign in. */
export function insertMember(owner: string, name: string, email: string, index: number): string {
  return insert('users', {
    id: newId('usr'),
    organization_id: organizationOf(owner),
    role_id: roleOf(owner, ['member', 'viewer', 'member', 'admin'][index % 4]),
    name,
    name_folded: fold(name),
    email,
    email_folded: fold(email),
    password_hash: '',
    created_at: daysAgo(200 - index),
    disabled_at: index % 9 === 8 ? daysAgo(3) : null,
    last_seen_at: index % 7 === 6 ? null : minutesAgo(4 + index * 97),
  });
}

export const BROWSERS = [
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
];

/** A session of a user. Sessions end one day after their last use. */
export function insertSession(email: string, index: number): string {
  return insert('sessions', {
    id: newId('ses'),
    digest: new Sql('randomblob(32)'),
    user_id: userId(email),
    created_at: daysAgo(1 + (index % 12)),
    last_seen_at: minutesAgo(5 + index * 29),
    address: index % 5 === 4 ? `2001:db8:4f::${index}` : `198.51.100.${20 + index}`,
    user_agent: BROWSERS[index % BROWSERS.length],
  });
}

/** Kinds of events: action, kind and name of the object, details. */
const EVENTS: [string, string, string, object][] = [
  ['key.created', 'key', 'invoice-reader', { kind: 'agent' }],
  ['session.begun', 'session', '', {}],
  ['key.rotated', 'key', 'Mobile app', { 'grace seconds': 86_400 }],
  ['key.disabled', 'key', 'Sandbox', { kind: 'client' }],
  ['credential.created', 'credential', 'openai-production', { kind: 'general' }],
  ['template.changed', 'template', 'Read access', { project: 'Sequencer reads', value: 'price', before: '0.001', after: '0.0025' }],
  ['request.approved', 'request', 'Read access', { user: 'Jonas Weber', project: 'Sequencer reads' }],
  ['user.role_changed', 'user', 'Priya Raman', { from: 'viewer', to: 'admin' }],
  ['sign_in.failed', 'user', '', {}],
  ['corpus.created', 'corpus', 'Release notes', {}],
  ['key.deleted', 'key', 'prototype-1', { kind: 'agent' }],
  ['secret.read', 'secret', 'object_store_token', { project: 'Sequencer reads' }],
  ['invitation.created', 'invitation', 'yuki.tanaka@example.com', { role: 'member' }],
];

/** An event of the past. Its number is below those of the real events, which the server chains from 1 and whose chain it checks. */
export function insertEvent(owner: string, actor: { name: string; email: string }, index: number): string {
  const [action, objectKind, objectName, detail] = EVENTS[index % EVENTS.length];
  const address = `203.0.113.${10 + (index % 40)}`;
  const hasKey = index % 6 === 3;
  return insert('audit_events', {
    seq: new Sql('(select min(seq) - 1 from audit_events)'),
    id: newId('aud'),
    at: minutesAgo(90 + index * 47 + scatter(index, 40)),
    organization_id: organizationOf(owner),
    actor_kind: hasKey ? 'key' : 'user',
    actor_id: hasKey ? newId('key') : userId(actor.email),
    actor_name: hasKey ? 'ci-deploy' : actor.name,
    action,
    object_kind: objectKind,
    object_id: newId(objectKind.slice(0, 3)),
    object_name: objectName,
    detail: JSON.stringify(detail),
    address,
    mac: new Sql("x''"),
    search_text: fold([hasKey ? 'ci-deploy' : actor.name, action, objectName, address].join('\n')),
  });
}

const SERVICES = ['checkout', 'billing', 'search', 'fleet-telemetry', 'inventory', 'identity', 'pricing', 'notifications', 'returns', 'route-planner'];
const REGIONS = ['eu-central', 'eu-west', 'us-east', 'us-west', 'ap-south'];
const JOBS = ['api', 'worker', 'exporter', 'webhook', 'scheduler', 'importer', 'monitor', 'backfill', 'gateway', 'agent'];
const STAGES = ['production', 'staging', 'canary', 'sandbox'];
const PREFIXES: Record<string, string> = { internal: 'lki_…', client: 'lkc_…', agent: 'lka_…', corpus: '…', project: '…' };

/** One of 2,000 names of a service's part. */
function serviceName(index: number): string {
  const pick = (words: string[], step: number) => words[Math.floor(index / step) % words.length];
  return [pick(SERVICES, 1), pick(JOBS, 10), pick(REGIONS, 100), pick(STAGES, 500)].join('-');
}

/** A row of a key. Its digest is random, so no secret belongs to it. */
function insertKey(kind: string, id: string, name: string, creator: Sql, owner: string, index: number, row: Record<string, Value> = {}): string {
  return insert('api_keys', {
    id,
    number: new Sql('(select coalesce(max(number), 0) + 1 from api_keys)'),
    organization_id: organizationOf(owner),
    kind,
    name,
    name_folded: fold(name),
    unique_name: kind === 'agent' ? fold(name) : null,
    digest: new Sql('randomblob(32)'),
    mask: PREFIXES[kind] + digest(id).slice(0, 4),
    scopes: '',
    created_by: creator,
    ...keyTimes(1 + index / 120, index % 5 === 4 ? undefined : scatter(index, 40_000), kind === 'corpus' ? null : index % 11 === 10 ? 45 : 365),
    disabled_at: index % 23 === 22 ? daysAgo(1) : null,
    ...row,
  });
}

const KEY_SCOPES: Record<string, string> = { internal: 'keys:read verify', client: 'orders:read orders:write', corpus: 'query' };

/** Keys of a kind, from the newest to the oldest. */
export function insertManyKeys(kind: string, owner: string, creators: string[], count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `${serviceName(index)}-${String(1 + Math.floor(index / 2_000)).padStart(2, '0')}`;
    const row = { scopes: KEY_SCOPES[kind] ?? '', external_id: kind === 'client' ? `customer-${scatter(index, 900)}` : null };
    return insertKey(kind, newId('key'), name, userId(creators[index % creators.length]), owner, index, row);
  });
}

/** Keys of a template that were issued to these users, with their requests. */
export function insertIssuedKeys(project: string, template: { id: string; name: string }, owner: string, users: string[], count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const [key, access, user] = [newId('key'), newId('ask'), userId(users[index % users.length])];
    const role = roleOf(owner, 'viewer');
    const at = daysAgo(1 + index / 120);
    const decision = { decided_at: at, decided_by: userId(owner), state: 'approved' };
    return [
      insert('access_requests', { id: access, project_id: project, template_id: template.id, user_id: user, requested_at: at, ...decision }),
      insertKey('project', key, template.name, user, owner, index, { expires_at: null }),
      insert('issued_keys', {
        key_id: key,
        project_id: project,
        template_id: template.id,
        request_id: access,
        role_id: role,
        fields: '[]',
        approved_by: userId(owner),
        revealed_at: at,
      }),
    ].join('\n');
  });
}

/** Makes the keys of a project that were issued just now three weeks older, and used. */
export function useIssuedKeys(project: string): string {
  const recent = `select key_id from issued_keys where project_id = ${quote(project)}`;
  return `update api_keys set created_at = created_at - ${21 * DAY}, last_used_at = ${minutesAgo(18)}
    where id in (${recent}) and created_at > ${daysAgo(0.5)};`;
}

/** Requests of the last two months with every key of an organization that is in use, at a price for project keys. */
export function insertUsage(owner: string): string {
  const today = Math.floor(now / DAY);
  // Fewer on two days of a week.
  const requests = '(20 + (k.number * 7919 + d.n * 104729) % 400) * iif(d.n % 7 < 2, 1, 3)';
  return `
    with recursive d (n) as (select 0 union all select n + 1 from d where n < 60)
    insert or ignore into usage_by_day (organization_id, day, key_id, requests, cost)
    select k.organization_id, ${today} - d.n, k.id, ${requests}, iif(k.kind = 'project', ${requests} * 2500, 0)
    from api_keys k, d where k.organization_id = ${organizationOf(owner).text} and k.last_used_at is not null
      and k.kind in ('client', 'project') and (k.number + d.n) % 5 < 2 and k.created_at / ${DAY} <= ${today} - d.n;`;
}

/** Calls of every model of an organization: of the last two months by day, and of the last day by hour. */
export function insertModelUsage(owner: string): string {
  const [day, hour] = [Math.floor(now / DAY), Math.floor(now / (60 * MINUTE))];
  const organization = organizationOf(owner).text;
  const calls = '(4 + (m.rowid * 7919 + d.n * 104729) % 90)';
  const sums = `${calls}, ${calls} / 40, ${calls} * 1800, ${calls} * 600, 0, ${calls} * 240, 0, ${calls} * 5200000`;
  const counts = 'calls, failures, input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost';
  return `
    with recursive d (n) as (select 0 union all select n + 1 from d where n < 60)
    insert or ignore into model_usage_by_day (organization_id, day, user_id, key_id, model_id, model, provider_id, state, ${counts})
    select m.organization_id, ${day} - d.n, ${userId(owner).text}, '', m.id, m.name, m.provider_id, 'reported', ${sums}
    from models m, d where m.organization_id = ${organization} and (m.rowid + d.n) % 5 < 3;
    with recursive d (n) as (select 0 union all select n + 1 from d where n < 23)
    insert or ignore into model_usage_by_hour (organization_id, hour, user_id, key_id, model_id, provider_id, state, ${counts})
    select m.organization_id, ${hour} - d.n, ${userId(owner).text}, '', m.id, m.provider_id, 'reported', ${sums}
    from models m, d where m.organization_id = ${organization} and (m.rowid + d.n) % 9 = 0;`;
}

const GIB = 1024 ** 3;

/** Samples of a project, from the newest to the oldest. Their content is not stored. */
export function insertSamples(project: string, owner: string, batch: string, names: string[]): string[] {
  const samples = names.map((name, index) => {
    const row = { name, name_folded: fold(name), batch, batch_folded: fold(batch), size: Math.round((0.2 + scatter(index, 40) / 10) * GIB) };
    return insert('samples', {
      id: newId('smp'),
      organization_id: organizationOf(owner),
      project_id: project,
      ...row,
      source: index % 4 === 3 ? 'dnanexus' : 'aws',
      sha256: createHash('sha256').update(name).digest('hex'),
      imported_by: userId(owner),
      imported_at: minutesAgo(12 + index * 31),
    });
  });
  const used = `update organizations set sample_bytes = ${names.length} * 2 * ${GIB} where id = ${organizationOf(owner).text};`;
  return [...samples, used];
}

/** An import of local files that are not uploaded: running, or ended with a failed file. */
export function insertImport(project: string, owner: string, batch: string, state: 'running' | 'finished'): string[] {
  const id = newId('imp');
  const job = insert('import_jobs', {
    id,
    organization_id: organizationOf(owner),
    project_id: project,
    source: 'local',
    container: '',
    prefix: '',
    pattern: '',
    mode: 'single',
    batch,
    state,
    created_by: userId(owner),
    created_at: minutesAgo(3),
    used_at: minutesAgo(1),
    finished_at: state === 'finished' ? minutesAgo(1) : null,
  });
  const states = state === 'running' ? ['complete', 'complete', 'copying', 'waiting'] : ['complete', 'complete', 'failed', 'failed'];
  const copied: Record<string, number> = { complete: 2 * GIB, copying: 0.75 * GIB };
  const files = states.map((fileState, position) =>
    insert('import_files', {
      job_id: id,
      position,
      name: `plasma-0${position + 1}.fastq.gz`,
      location: '',
      etag: '',
      size: 2 * GIB,
      copied: copied[fileState] ?? 0,
      state: fileState,
      error: fileState === 'failed' ? "Less than 5 % of the server's disk is free. Contact its operator." : '',
      sample_id: newId('smp'),
    }),
  );
  return [job, ...files];
}
