"""One worker per core, with threads: gunicorn's sync workers do not keep connections open."""

import os

workers = int(os.environ.get("BENCH_WORKERS", "2"))
worker_class = "gthread"
threads = int(os.environ.get("BENCH_THREADS", "2"))
keepalive = 60
worker_connections = 1000
accesslog = None
control_socket_disable = True
