// The organizations that the pictures show, each in another state. They are filled over the API, and by SQL where the API does not reach.

import { type APIRequestContext, request } from '@playwright/test';
import type { Server, User } from '../server';
import { type Content, EMPTY, FULL, type KeyContent, LONG_NAMES, ONE, type ProjectContent, type TemplateContent, TYPICAL } from './content';
import * as sql from './sql';

const STATES = {
  empty: { name: 'Fernwood Studio', content: EMPTY },
  one: { name: 'Halcyon Freight', content: ONE },
  typical: { name: 'Northwind Robotics', content: TYPICAL },
  full: { name: 'Meridian Health Network', content: FULL },
  'long names': { name: 'Donaudampfschifffahrts- und Logistikgesellschaft Regensburg–Linz–Wien mbH & Co. KG', content: LONG_NAMES },
  // As the typical one, for pictures that change it.
  scratch: { name: 'Northwind Labs', content: TYPICAL },
} satisfies Record<string, { name: string; content: Content }>;

export type State = keyof typeof STATES;

/** Calls a server function as the user of a session. */
export async function call(session: APIRequestContext, name: string, data: unknown = {}): Promise<any> {
  const response = await session.post(`/fn/${name}`, { data });
  const text = await response.text();
  if (!response.ok()) {
    throw new Error(`${name}: ${response.status()} ${text}`);
  }
  return text === '' ? null : JSON.parse(text);
}

async function signIn(server: Server, { email, password }: User): Promise<APIRequestContext> {
  const options = { baseURL: server.url, extraHTTPHeaders: { origin: server.url }, userAgent: sql.BROWSERS[0] };
  const session = await request.newContext(options);
  await call(session, 'account/sign-in', { email, password });
  return session;
}

export interface Organization {
  owner: User;
  /** A session of the owner. */
  session: APIRequestContext;
  /** An internal key of the owner. */
  internalKey: string;
  /** Members who can sign in. */
  requesters: User[];
  /** The ids of the projects. Everybody requests keys of the first one, the last one is empty. */
  projects: string[];
  /** The templates of the first project. */
  templates: { id: string; name: string }[];
}

/** All organizations of a server. Each is filled when it is first needed. */
export class Organizations {
  readonly #filled = new Map<State, Promise<Organization>>();

  constructor(private readonly server: Server) {}

  get(state: State): Promise<Organization> {
    const filled = this.#filled.get(state) ?? fill(this.server, STATES[state].name, STATES[state].content);
    this.#filled.set(state, filled);
    return filled;
  }
}

async function fill(server: Server, name: string, content: Content): Promise<Organization> {
  const owner = server.addUser('owner', name);
  const organization: Organization = {
    owner,
    session: await signIn(server, owner),
    internalKey: content.keys.length > 0 ? server.createInternalKey(owner, 'ci-deploy') : '',
    requesters: content.people.slice(0, content.requesters).map((person) => server.addUser('member', name, person)),
    projects: [],
    templates: [],
  };
  const members = addMembers(server, organization, content);
  await addSettings(organization, content);
  await addKeys(server, organization, content, members);
  for (const project of content.projects) {
    await addProject(server, organization, project);
  }
  await addRequests(server, organization);
  addPast(server, organization, content, members);
  return organization;
}

const asciiWords = (name: string) => name.normalize('NFD').replace(/[^\w\s-]/g, '').toLowerCase().split(/\s+/);

/** Adds the members who cannot sign in. Returns the email addresses of all people, in the order of the content. */
function addMembers(server: Server, { owner, requesters }: Organization, content: Content): string[] {
  const others = content.people.slice(content.requesters);
  const emails = others.map((name) => `${asciiWords(name).join('.')}@${asciiWords(owner.organization).slice(0, 2).join('-')}.example`);
  server.sql(sql.transaction(others.map((name, index) => sql.insertMember(owner.email, name, emails[index], index))));
  return [...requesters.map(({ email }) => email), ...emails];
}

async function addSettings({ session }: Organization, content: Content): Promise<void> {
  for (const role of content.roles) {
    await call(session, 'roles/create', role);
  }
  if (content.invitations.length > 0) {
    const roles: { id: string; name: string }[] = await call(session, 'roles/list');
    const role = roles.find(({ name }) => name === 'member')?.id;
    for (const email of content.invitations) {
      await call(session, 'invitations/create', { email, role });
    }
  }
  const keys = [];
  for (const key of content.general) {
    keys.push(await call(session, 'credentials/create-general', key));
  }
  for (const key of content.external) {
    await call(session, 'credentials/create-external', { request: { ...key, expiry: { Days: 180 } } });
  }
  const modelIds = new Map<string, string>();
  for (const [index, { models, ...request }] of content.providers.entries()) {
    const provider = await call(session, 'providers/create', { request: { ...request, key: keys[index]?.id ?? null } });
    for (const name of models) {
      const model = await call(session, 'providers/create-model', { provider: provider.id, request: { name } });
      modelIds.set(name, model.id);
    }
  }
  for (const { name, targets } of content.aliases) {
    const resolved = targets.map(([model, priority, weight]) => ({ model: modelIds.get(model), priority, weight }));
    await call(session, 'providers/create-alias', { request: { name, targets: resolved } });
  }
  for (const { key, allow, ...values } of content.services) {
    const rules = allow.map((rule) => ({ method: rule.split(' ')[0], path: rule.split(' ')[1] }));
    const limits = { timeout_seconds: 60, body_max: 8 * 1024 * 1024 };
    const credential = key === undefined ? null : keys[key].id;
    await call(session, 'services/create', { request: { ...values, ...limits, credential, allow: rules } });
  }
}

async function addKeys(server: Server, { owner, internalKey }: Organization, content: Content, members: string[]): Promise<void> {
  const corpora: number[] = [];
  for (const name of content.corpora) {
    corpora.push((await server.api(internalKey, '/corpora', { name })).id);
  }
  const updates = [];
  for (const key of content.keys) {
    const id = await createKey(server, internalKey, key, corpora);
    const creator = key.by === undefined ? owner.email : members[key.by];
    const disabled_at = key.is === 'disabled' ? sql.daysAgo(1) : null;
    updates.push(sql.update('api_keys', { ...sql.keyTimes(key.age, key.idle, key.lifetime), disabled_at, created_by: sql.userId(creator) }, id));
  }
  const creators = [owner.email, ...members];
  const many = ['internal', 'client', 'agent', 'corpus'].flatMap((kind) => sql.insertManyKeys(kind, owner.email, creators, content.manyKeys));
  server.sql(sql.transaction([...many, ...updates]));
}

async function createKey(server: Server, internalKey: string, { body, is }: KeyContent, corpora: number[]): Promise<string> {
  const chosen = Array.isArray(body.corpora) && { corpora: body.corpora.map((index: number) => corpora[index]) };
  const duration = body.kind === 'internal' && { duration_days: 30 };
  const { key } = await server.api(internalKey, '/keys', { ...body, ...duration, ...chosen });
  if (is === 'rotated') {
    await server.api(internalKey, `/keys/${key.id}/rotate`, { grace_seconds: 86_400 });
  }
  return key.id;
}

async function addProject(server: Server, organization: Organization, { nodes, secrets, templates, samples, ...request }: ProjectContent): Promise<void> {
  const { session } = organization;
  const { id } = await call(session, 'projects/create', { request });
  for (const name of nodes) {
    await call(session, 'projects/create-node', { id, name });
  }
  for (const name of secrets) {
    await call(session, 'projects/create-secret', { id, name, value: 'not shown again' });
  }
  const { managed } = await call(session, 'projects/resources', { id });
  const role = managed.roles.find(({ name }: { name: string }) => name === 'viewer').id;
  for (const { user } of managed.candidates.slice(0, 3)) {
    await call(session, 'projects/add-member', { id, user, role });
  }
  const added = [];
  for (const template of templates) {
    added.push({ id: await addTemplate(session, id, template), name: template.name });
  }
  if (samples) {
    server.sql(sql.transaction(sql.insertSamples(id, organization.owner.email, samples.batch, samples.names)));
  }
  if (organization.projects.push(id) === 1) {
    organization.templates = added;
  }
}

async function addTemplate(session: APIRequestContext, project: string, content: TemplateContent): Promise<string> {
  const template = await call(session, 'templates/create', { project });
  const values = { name: content.name, description: content.description, price: content.price, duration_days: content.days };
  const before: Record<string, string> = { name: template.name, description: '', price: '0', duration_days: '' };
  for (const [which, after] of Object.entries(values).filter(([which, after]) => after !== before[which])) {
    await call(session, 'templates/edit', { id: template.id, edit: { which, before: before[which], after } });
  }
  for (const values of content.fields) {
    const field = await call(session, 'templates/add-field', { template: template.id });
    for (const [which, after] of Object.entries(values)) {
      await call(session, 'templates/edit-field', { id: field.id, edit: { which, before: field[which], after } });
    }
  }
  return template.id;
}

/** Everybody who can sign in requests a key of every template, and the owner decides on some of the requests. */
async function addRequests(server: Server, { session, requesters, projects: [project], templates }: Organization): Promise<void> {
  if (!project) {
    return;
  }
  for (const requester of requesters) {
    const own = await signIn(server, requester);
    for (const { id } of templates) {
      await call(own, 'access-requests/create', { template: id });
    }
    await own.dispose();
  }
  const { requests } = await call(session, 'templates/page', { project });
  for (const [index, { id }] of requests.entries()) {
    if (index % 3 === 1) {
      await call(session, 'access-requests/approve', { id });
    } else if (index % 5 === 4) {
      await call(session, 'access-requests/reject', { id, comment: 'Please ask for the evaluation key first.' });
    }
  }
}

/** Adds what took time: issued keys, usage, sessions and events. */
function addPast(server: Server, { owner, projects: [project], templates }: Organization, content: Content, members: string[]): void {
  const people = [{ name: owner.name, email: owner.email }, ...members.map((email, index) => ({ name: content.people[index], email }))];
  const issued = content.manyKeys > 0 ? sql.insertIssuedKeys(project, templates[0], owner.email, members, content.manyKeys) : [];
  const sessions = Array.from({ length: content.sessions }, (_, index) => sql.insertSession(owner.email, index));
  const events = Array.from({ length: content.events }, (_, index) => sql.insertEvent(owner.email, people[index % people.length], index));
  const usedKeys = project ? [sql.useIssuedKeys(project)] : [];
  server.sql(sql.transaction([...issued, ...usedKeys, sql.insertUsage(owner.email), sql.insertModelUsage(owner.email), ...sessions, ...events]));
}
