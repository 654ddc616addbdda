// What the organizations of the pictures contain.

export interface KeyContent {
  /** The body of the request that creates it. `corpora` are indices into the corpora of the content. */
  body: { kind: 'internal' | 'client' | 'corpus' | 'agent'; name: string; [field: string]: unknown };
  /** The index of its creator among the people; by default the owner. */
  by?: number;
  /** Days since its creation. */
  age: number;
  /** Minutes since its last use; by default it was never used. */
  idle?: number;
  /** Days from its creation to its expiry; null for never, by default 90. */
  lifetime?: number | null;
  is?: 'disabled' | 'rotated';
}

export interface TemplateContent {
  name: string;
  description: string;
  price: string;
  /** Validity of its keys in days. */
  days: string;
  fields: { name: string; description: string; value: string }[];
}

export interface ProjectContent {
  name: string;
  description: string;
  visibility: 'members' | 'organization';
  nodes: string[];
  secrets: string[];
  templates: TemplateContent[];
  /** Samples, by default none. */
  samples?: { names: string[]; batch: string };
}

export interface ServiceContent {
  /** As in the request of the page. */
  name: string;
  base_url: string;
  injection: string | Record<string, Record<string, string>>;
  allow: string[];
  callers: { kind: string; scope: string | null }[];
  /** The index of its key among the general keys. */
  key?: number;
}

export interface Content {
  /** Members besides the owner. */
  people: string[];
  /** Of those, how many can sign in. They request keys of the first project. */
  requesters: number;
  invitations: string[];
  roles: { name: string; permissions: string[] }[];
  corpora: string[];
  keys: KeyContent[];
  general: { name: string; value: string }[];
  external: { label: string; provider: 'aws' | 'dnanexus'; key: string; secret?: string; region?: string }[];
  providers: { name: string; style: 'openai' | 'anthropic'; base_url: string; models: string[] }[];
  /** Names that stand for models: each target is a model, its priority and its weight. */
  aliases: { name: string; targets: [string, number, number][] }[];
  services: ServiceContent[];
  projects: ProjectContent[];
  /** Sessions of the owner besides the one of the pictures. */
  sessions: number;
  /** Events of the audit log that are older than the organization. */
  events: number;
  /** Keys of each kind, and project keys, that are added besides the others. */
  manyKeys: number;
}

export const EMPTY: Content = {
  people: [],
  requesters: 0,
  invitations: [],
  roles: [],
  corpora: [],
  keys: [],
  general: [],
  external: [],
  providers: [],
  aliases: [],
  services: [],
  projects: [],
  sessions: 0,
  events: 0,
  manyKeys: 0,
};

const perMinute = (limit: number) => ({ name: 'minute', limit, duration_ms: 60_000 });
const perDay = (limit: number) => ({ name: 'day', limit, duration_ms: 86_400_000 });

const READING: TemplateContent = {
  name: 'Read access',
  description: 'Reads runs and their reports.\nCannot change anything.',
  price: '0.0025',
  days: '',
  fields: [
    { name: 'Project ID', description: 'The project with the runs.', value: 'Sequencer reads' },
    { name: 'Input Node ID', description: 'The node that receives samples.', value: '1' },
  ],
};

const READS = ['blood', 'saliva', 'tissue'].flatMap((kind) => [1, 2, 3, 4].map((number) => `${kind}-0${number}.fastq.gz`));

const AGENT_KEY: KeyContent = { body: { kind: 'agent', name: 'support-triage' }, age: 12, idle: 3 };
const CLIENT_KEY: KeyContent = { body: { kind: 'client', name: 'Mobile app', external_id: 'customer-7', scopes: ['orders:read'] }, age: 4, idle: 1 };
const AWS_KEY = {
  label: 'Sequencing bucket',
  provider: 'aws' as const,
  key: 'AKIAIOSFODNN7EXAMPLE',
  secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  region: 'eu-central-1',
};

const GITHUB: ServiceContent = {
  name: 'github',
  base_url: 'https://api.github.com',
  injection: 'Bearer',
  allow: ['GET /repos/northwind/**', 'POST /repos/northwind/*/issues'],
  callers: [
    { kind: 'client', scope: 'issues:write' },
    { kind: 'agent', scope: null },
  ],
  key: 0,
};

export const ONE: Content = {
  ...EMPTY,
  people: ['Mia Chen'],
  requesters: 1,
  corpora: ['Handbook'],
  keys: [
    CLIENT_KEY,
    AGENT_KEY,
    { body: { kind: 'corpus', name: 'Help centre search', scopes: ['query'], corpora: [0] }, age: 40, idle: 2, lifetime: null },
  ],
  general: [{ name: 'openai-production', value: 'sk-proj-4mTq0123456789abcdefgh7Rz' }],
  external: [AWS_KEY],
  providers: [{ name: 'OpenAI', style: 'openai', base_url: 'https://api.openai.com/v1', models: ['gpt-5'] }],
  services: [GITHUB],
  projects: [
    {
      name: 'Sequencer reads',
      description: 'Output of the sequencers, one run a day.',
      visibility: 'organization',
      nodes: ['Raw reads'],
      secrets: ['object_store_token'],
      templates: [READING],
      samples: { names: READS.slice(0, 1), batch: '2026-11-30-7f3a' },
    },
  ],
};

/** Agent keys: name, creator, days since creation, minutes since the last use. */
const AGENTS: [string, number | undefined, number, number?][] = [
  ['invoice-reader', 0, 81, 46],
  ['nightly-evals', undefined, 74, 610],
  ['docs-search', 1, 66, 1],
  ['onboarding-assistant', 0, 59, 125],
  ['release-notes-writer', 1, 47, 4_400],
  ['incident-summariser', undefined, 40, 31],
  ['contract-review', 0, 33, 2_900],
  ['data-quality-watch', 1, 27, 12],
  ['sales-call-notes', 0, 20],
  ['translation-helper', undefined, 13, 240],
  ['staging-load-test', 1, 8],
  ['pull-request-helper', undefined, 2, 7],
];

export const TYPICAL: Content = {
  people: ['Mia Chen', 'Jonas Weber', 'Amara Okafor', 'Grace Hopper', 'Katherine Johnson', 'Lucía Fernández', 'Tomasz Nowak', 'Priya Raman', 'Noah Lindqvist'],
  requesters: 3,
  invitations: ['margaret.hamilton@example.com', 'yuki.tanaka@example.com'],
  roles: [
    { name: 'Key manager', permissions: ['manage_api_keys', 'view_keys'] },
    { name: 'Auditor', permissions: ['view_keys', 'view_billing', 'view_audit_log'] },
  ],
  corpora: ['Handbook', 'Release notes', 'Support tickets', 'Product manuals', 'Incident reports'],
  keys: [
    { ...AGENT_KEY, age: 88 },
    ...AGENTS.map(([name, by, age, idle]): KeyContent => ({ body: { kind: 'agent', name }, by, age, idle })),
    { body: { kind: 'agent', name: 'prototype-2' }, by: 0, age: 96, idle: 12_000 },
    { body: { kind: 'internal', name: 'on-call laptop', scopes: ['keys:read', 'verify'] }, by: 1, age: 86, idle: 900 },
    { body: { kind: 'internal', name: 'billing-export', scopes: ['keys:read', 'credentials:read'] }, by: 3, age: 51, idle: 64, lifetime: 180 },
    { body: { kind: 'internal', name: 'terraform', scopes: ['keys:read', 'keys:write'] }, age: 33, lifetime: 365, is: 'disabled' },
    {
      ...CLIENT_KEY,
      body: {
        ...CLIENT_KEY.body,
        scopes: ['orders:read', 'orders:write'],
        metadata: { plan: 'pro', seats: 40 },
        rate_limits: [perMinute(100), perDay(20_000)],
        credits: { remaining: 48_210, refill: 'monthly', amount: 50_000 },
        allowed_ips: ['192.0.2.0/24', '2001:db8::/32'],
      },
      is: 'rotated',
    },
    {
      body: { kind: 'client', name: 'Partner portal', external_id: 'acme-industries', scopes: ['orders:read'], rate_limits: [perMinute(1_000)] },
      by: 0,
      age: 85,
      idle: 46,
    },
    {
      body: { kind: 'client', name: 'Reporting job', external_id: 'customer-12', scopes: ['orders:read', 'reports:monthly'], credits: { remaining: 500 } },
      by: 1,
      age: 61,
      idle: 1_300,
    },
    { body: { kind: 'client', name: 'Web shop', external_id: 'customer-31', scopes: ['orders:write', 'payments:write'] }, age: 40, idle: 1, lifetime: null },
    { body: { kind: 'client', name: 'Warehouse scanners', external_id: 'halcyon-freight', scopes: ['stock:read'] }, by: 4, age: 22, idle: 19 },
    { body: { kind: 'client', name: 'Sandbox' }, by: 4, age: 15, is: 'disabled' },
    { body: { kind: 'client', name: 'Trade fair demo', external_id: 'lead-208', scopes: ['orders:read'] }, age: 130, idle: 58_000 },
    {
      body: {
        kind: 'corpus',
        name: 'Help centre search',
        scopes: ['query'],
        corpora: [0, 1],
        rate_limits: [perMinute(1_000)],
        address_rate_limits: [perMinute(20)],
        allowed_origins: ['https://help.example.com'],
      },
      age: 70,
      idle: 2,
      lifetime: null,
    },
    { body: { kind: 'corpus', name: 'Nightly indexer', scopes: ['query', 'index'], corpora: [0, 1, 2, 3, 4] }, by: 0, age: 64, idle: 320, lifetime: null },
    { body: { kind: 'corpus', name: 'Docs widget', scopes: ['query'], corpora: [3] }, by: 1, age: 9, lifetime: null, is: 'disabled' },
  ],
  general: [
    ...ONE.general,
    { name: 'openai-evaluation', value: 'sk-proj-9aLw0123456789abcdefgh2Kd' },
    { name: 'anthropic-production', value: 'sk-ant-0123456789abcdefghij5Vq' },
    { name: 'mistral-eu', value: 'ms-0123456789abcdef8Yt' },
  ],
  external: [AWS_KEY, { label: 'DNAnexus archive', provider: 'dnanexus', key: 'dx-0123456789abcdefghijklmn' }],
  providers: [
    { name: 'OpenAI', style: 'openai', base_url: 'https://api.openai.com/v1', models: ['gpt-5', 'gpt-5-mini', 'text-embedding-3-large'] },
    { name: 'Anthropic', style: 'anthropic', base_url: 'https://api.anthropic.com', models: ['claude-sonnet-4-5'] },
    { name: 'Mistral', style: 'openai', base_url: 'https://api.mistral.ai/v1', models: [] },
  ],
  aliases: [
    { name: 'fast', targets: [['gpt-5-mini', 1, 1]] },
    { name: 'support', targets: [['gpt-5', 1, 3], ['gpt-5-mini', 1, 1]] },
  ],
  services: [
    GITHUB,
    {
      name: 'payments',
      base_url: 'https://payments.example.com/v2',
      injection: { Header: { name: 'X-Api-Key' } },
      allow: ['* /charges/**', '* /refunds/**', 'GET /customers/*', 'GET /disputes/**', 'GET /payouts/**', 'GET /balance', 'GET /events/**'],
      callers: [{ kind: 'client', scope: 'payments:write' }],
      key: 1,
    },
    {
      name: 'run-archive',
      base_url: 'https://archive.example.com',
      injection: { SigV4: { service: 's3', region: 'eu-central-1' } },
      allow: ['GET /runs/**'],
      callers: [{ kind: 'project', scope: 'view_project' }],
    },
    { name: 'weather', base_url: 'https://weather.example.com/v1', injection: { Query: { name: 'appid' } }, allow: [], callers: [] },
  ],
  projects: [
    {
      name: 'Sequencer reads',
      description: 'Output of the sequencers, one run a day.\nRequest a key to read it.',
      visibility: 'organization',
      nodes: ['Raw reads', 'Aligned reads', 'Quality reports'],
      secrets: ['object_store_token', 'lims_project_id', 'slack_webhook'],
      templates: [
        READING,
        { name: 'Nightly import', description: 'For pipelines that import runs.', price: '0.01', days: '90', fields: [] },
        { name: 'Evaluation', description: 'For a trial of two weeks.', price: '0', days: '14', fields: [] },
      ],
      samples: { names: READS, batch: '2026-11-30-7f3a' },
    },
    { name: 'Assembly', description: '', visibility: 'members', nodes: ['Intake'], secrets: [], templates: [] },
    {
      name: 'Long-term archive',
      description: 'Data older than one year, which must be kept for ten more years.',
      visibility: 'members',
      nodes: [],
      secrets: [],
      templates: [],
    },
    { name: 'Warehouse forecasts', description: 'Weekly demand by region.', visibility: 'organization', nodes: [], secrets: [], templates: [] },
  ],
  sessions: 4,
  events: 60,
  manyKeys: 0,
};

const GIVEN_NAMES = ['Ana', 'Ben', 'Chloé', 'Dmitri', 'Elif', 'Farid', 'Greta', 'Hiro', 'Ines', 'Jamal', 'Kaja', 'Liam'];
const FAMILY_NAMES = ['Almeida', 'Brandt', 'Castellano', 'Dubois', 'Eriksen'];
const CITIES = ['Lisbon', 'Hamburg', 'Lyon', 'Kraków', 'Ankara', 'Tabriz', 'Vienna', 'Osaka', 'Porto', 'Nairobi', 'Oslo', 'Dublin'];
const COLLECTIONS = ['Handbook', 'Support tickets', 'Product manuals', 'Incident reports'];
const slug = (text: string) => text.normalize('NFD').replace(/[^A-Za-z]/g, '').toLowerCase();

export const FULL: Content = {
  ...TYPICAL,
  people: [...TYPICAL.people, ...GIVEN_NAMES.flatMap((given) => FAMILY_NAMES.map((family) => `${given} ${family}`))],
  invitations: CITIES.map((city) => `lab.${slug(city)}@example.com`),
  corpora: CITIES.flatMap((city) => COLLECTIONS.map((collection) => `${collection}, ${city}`)),
  general: CITIES.flatMap((city) =>
    ['openai', 'anthropic', 'mistral'].map((name) => ({ name: `${name}-${slug(city)}`, value: `sk-${name}-0123456789abcdef` })),
  ),
  providers: CITIES.map((city) => ({
    name: `Inference cluster ${city}`,
    style: 'openai',
    base_url: `https://${slug(city)}.inference.example.com/v1`,
    models: ['llama-4-scout', 'qwen3-235b', 'text-embedding-3-large'].map((name) => `${slug(city)}/${name}`),
  })),
  aliases: CITIES.map((city) => ({
    name: `llama-${slug(city)}`,
    targets: [[`${slug(city)}/llama-4-scout`, 1, 1], [`${slug(city)}/qwen3-235b`, 2, 1]],
  })),
  services: CITIES.map((city) => ({ ...GITHUB, name: `lims-${slug(city)}`, base_url: `https://lims.${slug(city)}.example.com/api` })),
  projects: [
    {
      ...TYPICAL.projects[0],
      nodes: CITIES.map((city) => `Sequencer ${city}`),
      secrets: CITIES.map((city) => `lims_token_${slug(city)}`),
      samples: { names: CITIES.flatMap((city) => READS.map((name) => `${slug(city)}-${name}`)), batch: 'november-2026' },
      templates: [...TYPICAL.projects[0].templates, ...CITIES.slice(0, 5).map((city) => ({ ...READING, name: `Read access, ${city}` }))],
    },
    ...CITIES.flatMap((city) => ['Intake', 'Assembly', 'Archive'].map((name) => ({ ...TYPICAL.projects[2], name: `${name}, ${city}` }))),
  ],
  sessions: 40,
  events: 10_000,
  manyKeys: 10_000,
};

const LONG = 'Rechtsschutzversicherungsgesellschaften-Schadenregulierung, Außenstelle Süd (Pilotbetrieb bis Ende März)';
const UNBROKEN = 'prod_eu_central_1_order_fulfilment_reconciliation_worker_with_a_name_that_is_not_broken_anywhere_v2';
const JAPANESE = '法務文書アーカイブ（契約書・覚書・議事録）二〇二六年度第四四半期移行分、監査対応のため保管';
const ORDERS = ['orders:fulfilment:reconciliation:read', 'orders:fulfilment:reconciliation:write'];
/** As long as a name may be, with its ending. */
const longName = (name: string, ending = '') => Array.from(name).slice(0, 100 - ending.length).join('') + ending;

/** The same key with long values. */
function lengthen({ body, by, ...key }: KeyContent, index: number): KeyContent {
  const name = longName([LONG, UNBROKEN, JAPANESE][index % 3], ` ${index}`);
  const corpora = body.kind === 'corpus' && { corpora: [0, 1, 2] };
  const client = body.kind === 'client' && { external_id: longName(UNBROKEN), scopes: ORDERS };
  return { ...key, by: by === undefined ? undefined : by % 3, body: { ...body, name, ...corpora, ...client } };
}

export const LONG_NAMES: Content = {
  ...TYPICAL,
  people: [
    'Maximiliane Freifrau von Hohenlohe-Waldenburg-Schillingsfürst',
    'Wolfeschlegelsteinhausenbergerdorff Hubert Blaine',
    'José María de la Purísima Concepción Fernández-Villaverde y Ortega',
  ],
  invitations: ['maximiliane.von.hohenlohe-waldenburg-schillingsfuerst@legal-operations.subsidiary.example.com'],
  roles: [{ ...TYPICAL.roles[1], name: longName(LONG) }],
  corpora: [LONG, UNBROKEN, JAPANESE].map((name) => longName(name)),
  keys: TYPICAL.keys.map(lengthen),
  general: [LONG, UNBROKEN, JAPANESE].map((name) => ({ name: longName(name), value: 'sk-0123456789abcdef' })),
  external: [{ ...AWS_KEY, label: longName(LONG) }],
  providers: [
    {
      name: longName(LONG),
      style: 'openai',
      base_url: `https://${'inference.'.repeat(8)}example.com/openai/compatible/v1`,
      models: [longName(UNBROKEN), longName(UNBROKEN, '/long-context')],
    },
  ],
  aliases: [{ name: longName(UNBROKEN, '/alias'), targets: [[longName(UNBROKEN), 1, 1], [longName(UNBROKEN, '/long-context'), 1, 999]] }],
  services: [
    {
      name: 'order-fulfilment-reconciliation-eu-central-1-prod',
      base_url: `https://${'reconciliation.'.repeat(8)}example.com/order/fulfilment/v1`,
      injection: { Header: { name: 'X-Order-Fulfilment-Reconciliation-Authorization-Key' } },
      allow: ['GET /reconciliation/**', `POST /${UNBROKEN}/*/items/**`],
      callers: [
        { kind: 'client', scope: UNBROKEN },
        { kind: 'internal', scope: 'gateway:write' },
        { kind: 'project', scope: 'manage_projects' },
      ],
      key: 1,
    },
  ],
  projects: [
    {
      ...TYPICAL.projects[0],
      name: longName(LONG),
      description: `${LONG}. `.repeat(6),
      nodes: [longName(LONG), longName(UNBROKEN)],
      secrets: [longName(UNBROKEN)],
      samples: { names: [`${LONG}.fastq.gz`, `${UNBROKEN}/${UNBROKEN}.fastq.gz`, JAPANESE], batch: longName(UNBROKEN) },
      templates: [
        {
          ...READING,
          name: longName(LONG),
          description: `${LONG}. `.repeat(3),
          fields: [{ name: longName(LONG), description: LONG, value: UNBROKEN.repeat(3) }],
        },
        { ...READING, name: longName(UNBROKEN), fields: [] },
      ],
    },
    { ...TYPICAL.projects[1], name: longName(UNBROKEN), description: UNBROKEN },
  ],
};
