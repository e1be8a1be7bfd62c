"""With what one service knows of Kafka, nobody speaks for another service or listens to what is not for it."""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from itertools import permutations
from typing import Any

import aiokafka
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
    for_code,
)
from aiokafka.protocol.admin import CreateAclsRequest
from aiokafka.protocol.fetch import FetchRequest

from chassis.db import new_id
from chassis.kafka import ensure_topics
from contracts.documents import SERVICES, events_of
from deploy.kafka_acls import Acl, principal_of
from tests.apache_kafka.certificates import Authority
from tests.apache_kafka.secured import SecuredKafka
from tests.deploy.kafka import Guarded

pytestmark = pytest.mark.apache_kafka

TOPICS = {service: sorted({event.topic() for event in events_of(service)}) for service in SERVICES}


@contextlib.asynccontextmanager
async def producing(client: Mapping[str, Any]) -> AsyncIterator[aiokafka.AIOKafkaProducer]:
    producer = aiokafka.AIOKafkaProducer(**client, request_timeout_ms=5_000)
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


@contextlib.asynccontextmanager
async def consuming(
    *topics: str, client: Mapping[str, Any], **more: object
) -> AsyncIterator[aiokafka.AIOKafkaConsumer]:
    consumer = aiokafka.AIOKafkaConsumer(*topics, **client, auto_offset_reset="earliest", **more)
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


@contextlib.asynccontextmanager
async def administering(client: Mapping[str, Any]) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**client)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


@contextlib.asynccontextmanager
async def connected(client: Mapping[str, Any]) -> AsyncIterator[AIOKafkaClient]:
    connection = AIOKafkaClient(**client)
    await connection.bootstrap()
    try:
        yield connection
    finally:
        await connection.close()


async def length(guarded: Guarded, topic: str) -> int:
    """How many messages a topic holds, as the administrator sees it."""
    async with consuming(client=guarded.kafka.administrator_client) as consumer:
        partitions = [aiokafka.TopicPartition(topic, number) for number in range(3)]
        return sum((await consumer.end_offsets(partitions)).values())


def forged(event_type: str, **data: object) -> bytes:
    service = event_type.split(".")[2]
    attributes = {"specversion": "1.0", "id": str(new_id()), "source": f"/{service}", "type": event_type}
    return json.dumps({**attributes, "data": data}).encode()


@pytest.mark.parametrize(
    "event_type", ["cn.ili.services.provider.approved.v1", "cn.ili.services.account_binding.activated.v1"]
)
async def test_miniapps_cannot_forge_what_svc_services_says(guarded: Guarded, event_type: str) -> None:
    topic = ".".join(["ili", *event_type.split(".")[2:4], "v1"])
    async with producing(guarded.client("miniapps")) as producer:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(topic, forged(event_type, provider_id=str(new_id())), key=b"key")
    assert await length(guarded, topic) == 0


@pytest.mark.parametrize(("own", "other"), list(permutations(SERVICES, 2)))
async def test_no_service_writes_the_topics_of_another_one(guarded: Guarded, own: str, other: str) -> None:
    async with producing(guarded.client(own)) as producer:
        for topic in TOPICS[other]:
            with pytest.raises(TopicAuthorizationFailedError):
                await producer.send_and_wait(topic, b"{}", key=b"key")


@pytest.mark.parametrize("service", SERVICES)
async def test_every_service_writes_its_own_topics(guarded: Guarded, service: str) -> None:
    async with producing(guarded.client(service)) as producer:
        partitions = [await producer.partitions_for(topic) for topic in TOPICS[service]]
    assert all(partitions)


_STANDING = {f"ili.identity.{noun}.v1" for noun in ("authority", "client", "person", "role_change", "sign_in")}
OF_IDENTITY = {
    "services": _STANDING | {"ili.identity.organisation.v1", "ili.identity.mandate.v1"},
    "payments": _STANDING,
    "miniapps": _STANDING,
}
"""Roles, ended access, revoked proofs, unknown keys, who represents whom: ids, and no names."""
CALENDAR = "ili.services.calendar.v1"
"""The working days by which reviews are promised."""


@pytest.mark.parametrize("service", ["services", "payments", "miniapps"])
async def test_others_read_of_identity_what_they_need_only(guarded: Guarded, service: str) -> None:
    async with connected(guarded.client(service)) as client:
        for topic in sorted(set(TOPICS["identity"]) - OF_IDENTITY[service]):
            # Asked for directly: a consumer would not even find the topic.
            question = FetchRequest(0, 0, 1_000_000, 0, [(topic, [(0, 0, 1_000_000)])])
            answer = (await client.send(client.get_random_node(), question)).to_object()
            (partition,) = answer["topics"][0]["partitions"]
            assert for_code(partition["error_code"]) is TopicAuthorizationFailedError


async def test_miniapps_is_not_even_told_what_topics_there_are(guarded: Guarded) -> None:
    async with administering(guarded.client("miniapps")) as admin:
        assert sorted(await admin.list_topics()) == sorted([*OF_IDENTITY["miniapps"], CALENDAR, *TOPICS["miniapps"]])


async def test_no_service_joins_the_group_of_another_one(guarded: Guarded) -> None:
    """It would be given partitions, and the events in them would not be handled."""
    topic = "ili.services.provider.v1"
    with pytest.raises(GroupAuthorizationFailedError):
        async with consuming(topic, client=guarded.client("identity"), group_id="myili-payments") as consumer:
            await consumer.getone()


@pytest.mark.parametrize("topic", ["ili.identity.secret.v1", "ili.services.provider.v2", "ili.miniapps.app.v2", "x"])
async def test_no_service_creates_topics(guarded: Guarded, topic: str) -> None:
    async with administering(guarded.client("miniapps")) as admin:
        answer = await admin.create_topics([NewTopic(topic, 1, 1)])
    assert for_code(answer.topic_errors[0][1]) is TopicAuthorizationFailedError
    with pytest.raises(TopicAuthorizationFailedError, match=f"{topic} is missing or not permitted"):
        await ensure_topics(guarded.client("miniapps"), [topic])
    async with administering(guarded.kafka.administrator_client) as admin:
        assert topic not in await admin.list_topics()


async def test_no_service_deletes_topics(guarded: Guarded) -> None:
    async with administering(guarded.client("miniapps")) as admin:
        for topic in (TOPICS["miniapps"][0], TOPICS["identity"][0]):
            answer = await admin.delete_topics([topic])
            assert for_code(answer.topic_error_codes[0][1]) is TopicAuthorizationFailedError


async def test_no_service_gives_itself_rights(guarded: Guarded) -> None:
    answer = await create_acl(guarded.client("miniapps"), "User:myili_miniapps", "ili.services.")
    assert for_code(answer.creation_responses[0][0]) is ClusterAuthorizationFailedError
    job = guarded.apply(guarded.settings("miniapps"))
    assert job.returncode == 1
    assert "Kafka's topics and ACLs are not as declared" in job.stderr


async def create_acl(client: Mapping[str, Any], principal: str, prefix: str) -> Any:  # noqa: ANN401 - has no type
    async with connected(client) as connection:
        question = CreateAclsRequest(*Acl(2, prefix, 4, principal, "*", 3, 3))
        return await connection.send(connection.get_random_node(), question)


async def test_the_job_revokes_what_is_no_longer_declared_and_names_what_is_not_ours(guarded: Guarded) -> None:
    administrator = guarded.kafka.administrator_client
    await create_acl(administrator, "User:myili_miniapps", "ili.identity.")
    await create_acl(administrator, "User:reporting", "ili.payments.")
    first, second = guarded.apply(), guarded.apply()
    assert "revoked: User:myili_miniapps may read topic ili.identity. (prefixed) from *" in first.stdout
    kept = "not ours, kept: User:reporting may read topic ili.payments. (prefixed) from *\n"
    assert (second.returncode, second.stdout) == (0, kept)
    async with administering(guarded.client("miniapps")) as admin:
        assert sorted(await admin.list_topics()) == sorted([*OF_IDENTITY["miniapps"], CALENDAR, *TOPICS["miniapps"]])


async def test_without_the_password_nobody_connects(guarded: Guarded) -> None:
    known = guarded.client("miniapps")
    wrong = guarded.kafka.client(principal_of("miniapps"), "guessed")
    stranger = guarded.kafka.client("myili_stranger", guarded.passwords["miniapps"])
    plain = {"bootstrap_servers": guarded.kafka.address}
    encrypted_only = {**known, "security_protocol": "SSL"}
    for client in (wrong, stranger, plain, encrypted_only):
        with pytest.raises(KafkaConnectionError):
            async with producing(client):
                pass


async def test_a_broker_with_another_authoritys_certificate_is_not_given_the_password(guarded: Guarded) -> None:
    settings = {**guarded.settings("miniapps"), "kafka_ca": Authority.new().pem}
    client = SecuredKafka.client_of(settings)
    with pytest.raises(KafkaConnectionError):
        async with producing(client):
            pass
