"""A local mail server for the tests. Prints its port, then each received mail as a line of JSON.

Arguments: the reply to each mail in turn, `250`, `450`, `550` or `slow`. The last one applies to all later mails.
"""

import asyncio
import email
import email.policy
import json
import sys

from aiosmtpd.smtp import SMTP

REPLIES = {"250": "250 OK", "450": "450 4.2.0 Try again later", "550": "550 5.7.1 Rejected"}


class Handler:
    def __init__(self, replies):
        self.replies = replies

    async def handle_DATA(self, server, session, envelope):
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        received = {"reply": reply, "from": envelope.mail_from, "to": envelope.rcpt_tos, "headers": mail.keys(), "type": mail.get_content_type()}
        received |= {"subject": mail["subject"], "to_header": mail["to"], "id": mail["message-id"], "body": mail.get_content()}
        print(json.dumps(received), flush=True)
        if reply == "slow":
            await asyncio.sleep(300)
        return REPLIES.get(reply, REPLIES["250"])


async def main():
    handler = Handler(sys.argv[1:] or ["250"])
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(handler, enable_SMTPUTF8=True), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
