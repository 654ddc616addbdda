"""A mail server on this machine. Prints its port, then each mail that it takes as a line of JSON.

Arguments: what it answers to mail after mail, `250`, `450`, `550` or `slow`; the last one for all that follow.
"""

import asyncio
import email
import email.policy
import json
import sys

from aiosmtpd.smtp import SMTP

ANSWERS = {"250": "250 OK", "450": "450 4.2.0 Come back later", "550": "550 5.7.1 Not here"}


class Handler:
    def __init__(self, answers):
        self.answers = answers

    async def handle_DATA(self, server, session, envelope):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        told = {"answer": answer, "from": envelope.mail_from, "to": envelope.rcpt_tos, "heads": mail.keys(), "type": mail.get_content_type()}
        told |= {"subject": mail["subject"], "addressed": mail["to"], "id": mail["message-id"], "body": mail.get_content()}
        print(json.dumps(told), flush=True)
        if answer == "slow":
            await asyncio.sleep(300)
        return ANSWERS.get(answer, ANSWERS["250"])


async def main():
    handler = Handler(sys.argv[1:] or ["250"])
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(handler, enable_SMTPUTF8=True), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
