// Two Latchkey servers on one PostgreSQL database, behind nginx, which gives each request to the next one.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, psql } from './server';

/** The URL of a PostgreSQL server, without a database. */
const postgres = process.env.LATCHKEY_TEST_POSTGRES;

/** Runs two instances with a new database. `use` gets the first one, whose URL is that of nginx. */
export async function withInstances(use: (server: Server) => Promise<void>, environment: Record<string, string>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-instances-'));
  const database = `latchkey_${randomBytes(8).toString('hex')}`;
  psql(`${postgres}/postgres`, `create database ${database}`);
  const instances: Server[] = [];
  let nginx: ChildProcess | undefined;
  try {
    const [port, ...ports] = await freePorts(3);
    const shared = {
      ...environment,
      LATCHKEY_PUBLIC_URL: `http://127.0.0.1:${port}`,
      LATCHKEY_TRUSTED_PROXIES: '127.0.0.1/32',
      LATCHKEY_DATABASE_URL: `${postgres}/${database}`,
      LATCHKEY_MASTER_KEY: randomBytes(32).toString('base64'),
      LATCHKEY_SAMPLES: join(folder, 'samples'),
    };
    for (const each of ports) {
      const instance = await Server.start({ ...shared, LATCHKEY_LISTEN: `127.0.0.1:${each}` });
      instance.address = `http://127.0.0.1:${each}`;
      instances.push(instance);
    }
    instances[0].instances = instances;
    nginx = await startNginx(folder, port, ports);
    await use(instances[0]);
  } finally {
    if (nginx?.kill('SIGTERM')) {
      await once(nginx, 'exit');
    }
    for (const instance of instances) {
      await instance.stop();
    }
    psql(`${postgres}/postgres`, `drop database ${database} with (force)`);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts nginx with the documented configuration, for these ports. */
async function startNginx(folder: string, port: number, ports: number[]): Promise<ChildProcess> {
  const actual: Record<string, number> = { 8000: port, 3001: ports[0], 3002: ports[1] };
  const documented = readFileSync('../docs/proxies/nginx-instances.conf', 'utf8');
  writeFileSync(join(folder, 'site.conf'), documented.replace(/127\.0\.0\.1:(\d+)/g, (_, each) => `127.0.0.1:${actual[each]}`));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`);
  const config = `daemon off; master_process off; pid ${folder}/pid; events {} http { access_log off; ${temporary.join(' ')} include ${folder}/site.conf; }`;
  writeFileSync(join(folder, 'nginx.conf'), config);
  const nginx = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')], {
    // Debian installs it in a folder that may be missing in PATH.
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    nginx.once('error', reject);
    nginx.once('exit', () => reject(new Error(`nginx exited: ${readFileSync(join(folder, 'error.log'), 'utf8')}`)));
    const attempt = () => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve();
      });
      socket.once('error', () => setTimeout(attempt, 20));
    };
    attempt();
  });
  return nginx;
}

/** Ports that are free at the moment. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
