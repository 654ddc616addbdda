// Verification over HTTP: the plugin has no route for it, so this adds one. One worker per core.
import cluster from "node:cluster";
import { createServer } from "node:http";

const workers = Number(process.env.BENCH_WORKERS ?? 2);

if (cluster.isPrimary) {
  for (let worker = 0; worker < workers; worker += 1) cluster.fork();
  const end = () => {
    for (const worker of Object.values(cluster.workers)) worker.kill();
    process.exit(0);
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
} else {
  const { auth } = await import("./auth.mjs");
  const respond = (response, status, body) => {
    const text = JSON.stringify(body);
    response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
    response.end(text);
  };
  const server = createServer((request, response) => {
    if (request.method !== "POST") return respond(response, 200, { ready: true });
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", async () => {
      try {
        const { key } = JSON.parse(Buffer.concat(chunks));
        respond(response, 200, await auth.api.verifyApiKey({ body: { key } }));
      } catch (error) {
        respond(response, 500, { error: String(error) });
      }
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(Number(process.argv[2]), "127.0.0.1");
}
