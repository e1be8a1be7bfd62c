"""`python -m deploy.kafka_acls apply|show`: the topics of Kafka, and who may do what with them, as the code declares.

Each service is a principal of its own, named like its role in the database. It writes the topics of its own
(`ili.<service>.*`), reads those that its worker handles, in its own consumer group, and creates none. `apply` creates
missing topics, sets passwords, grants what is missing and revokes what is no longer declared; `show` prints it.
"""

import asyncio
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, NoError, for_code
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest
from pydantic import SecretStr

from chassis.kafka import ensure_topics
from chassis.service import Worker
from chassis.settings import KafkaSettings, load
from contracts.documents import SERVICES, placeholder_settings
from deploy.kafka_scram import AlterScramRequest
from kit.environment import environment

# The numbers of Kafka's protocol.
_ANY, _ALLOW = 1, 3
_KINDS = {"topic": 2, "group": 3}
_PATTERNS = {"literal": 3, "prefixed": 4}
_OPERATIONS = {"read": 3, "write": 4}


class AdministratorSettings(KafkaSettings):
    """Settings of this job, whose principal may administer Kafka. No service has them."""

    kafka_passwords: Mapping[str, SecretStr] = {}
    """By service, such as MYILI_KAFKA_PASSWORDS__PAYMENTS; a service without one here keeps what it has."""


class Acl(NamedTuple):
    """What a principal may do, in the numbers of Kafka's protocol and in its order."""

    kind: int
    name: str
    pattern: int
    principal: str
    host: str
    operation: int
    permission: int

    def __str__(self) -> str:
        kinds, patterns, operations = (
            {number: word for word, number in words.items()} for words in (_KINDS, _PATTERNS, _OPERATIONS)
        )
        what = f"{kinds.get(self.kind, self.kind)} {self.name} ({patterns.get(self.pattern, self.pattern)})"
        allows = "may" if self.permission == _ALLOW else "may not"
        return f"{self.principal} {allows} {operations.get(self.operation, self.operation)} {what} from {self.host}"


def principal_of(service: str) -> str:
    return f"myili_{service}"


def workers() -> Mapping[str, Worker]:
    """The worker of each service, made to read what it declares and never run."""
    with environment(**placeholder_settings()):
        return {
            service: import_module(f"svc_{service}.worker").make_worker(
                import_module(f"svc_{service}.settings").Settings()
            )
            for service in SERVICES
        }


def topics_of(worker: Worker) -> set[str]:
    return {event.topic() for event in worker.publishes}


def acls_of(service: str, worker: Worker) -> set[Acl]:
    own = f"ili.{service}."
    if foreign := {topic for topic in topics_of(worker) if not topic.startswith(own)}:
        raise SystemExit(f"svc_{service} publishes {', '.join(sorted(foreign))}, which is not below {own}")
    read = sorted({handler.topic for handler in worker.handles})
    return {
        *([_acl(service, "write", "topic", own, "prefixed")] if worker.publishes else []),
        *(_acl(service, "read", "topic", topic) for topic in read),
        *([_acl(service, "read", "group", f"myili-{service}")] if read else []),
    }


def _acl(service: str, operation: str, kind: str, name: str, pattern: str = "literal") -> Acl:
    principal = f"User:{principal_of(service)}"
    return Acl(_KINDS[kind], name, _PATTERNS[pattern], principal, "*", _OPERATIONS[operation], _ALLOW)


async def apply(settings: AdministratorSettings) -> None:
    known = workers()
    declared = {acl for service, worker in known.items() for acl in acls_of(service, worker)}
    await ensure_topics(settings.kafka_client, sorted(set().union(*map(topics_of, known.values()))))
    client = AIOKafkaClient(**settings.kafka_client)
    await client.bootstrap()
    try:
        present = await _present(client)
        ours = {acl for acl in present if acl.principal in {f"User:{principal_of(service)}" for service in known}}
        for acl in sorted(declared - ours):
            answer = await _send(client, CreateAclsRequest(*acl))
            _require_success(answer.creation_responses)
        for acl in sorted(ours - declared):
            answer = await _send(client, DeleteAclsRequest(*acl))
            _require_success(answer.filter_responses)
        for service, password in settings.kafka_passwords.items():
            answer = await _send(client, AlterScramRequest(principal_of(service), password.get_secret_value()))
            _require_success((code, message) for _user, code, message, _tags in answer.results)
    finally:
        await client.close()
    _say(declared - ours, "granted")
    _say(ours - declared, "revoked")
    _say(present - ours, "not ours, kept")


async def _present(client: AIOKafkaClient) -> set[Acl]:
    answer = await _send(client, DescribeAclsRequest(_ANY, None, _ANY, None, None, _ANY, _ANY))
    _require_success([(answer.error_code, answer.error_message)])
    return {Acl(kind, name, pattern, *acl) for kind, name, pattern, acls in answer.resources for acl in acls}


async def _send(client: AIOKafkaClient, request: object) -> Any:  # noqa: ANN401 - aiokafka's answers have no type
    return await client.send(client.get_random_node(), request)


def _require_success(outcomes: Iterable[Sequence[Any]]) -> None:
    for code, message, *_ in outcomes:
        error = for_code(code)
        if error is not NoError:
            raise error(message)


def _say(acls: Iterable[Acl], outcome: str) -> None:
    for acl in sorted(acls):
        sys.stdout.write(f"{outcome}: {acl}\n")


def show() -> None:
    for service, worker in workers().items():
        sys.stdout.writelines(f"topic {topic}\n" for topic in sorted(topics_of(worker)))
        sys.stdout.writelines(f"{acl}\n" for acl in sorted(acls_of(service, worker)))


def main(arguments: list[str]) -> int:
    if arguments == ["show"]:
        show()
        return 0
    if arguments != ["apply"]:
        sys.stderr.write("usage: python -m deploy.kafka_acls apply|show\n")
        return 2
    settings = load(AdministratorSettings)
    try:
        asyncio.run(apply(settings))
    except (KafkaError, TimeoutError) as error:
        sys.stderr.write(f"Kafka's topics and ACLs are not as declared: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
