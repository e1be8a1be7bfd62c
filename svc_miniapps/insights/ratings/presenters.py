from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA
from svc_miniapps.insights.ratings import schemas
from svc_miniapps.insights.ratings.models import AppRating, AppRatingReply

Replies = dict[UUID, schemas.AppRatingReply]


async def replies_to(tx: AsyncSession, rating_ids: Sequence[UUID]) -> Replies:
    """The newest reply to each of these ratings."""
    query = select(AppRatingReply).where(AppRatingReply.rating_id.in_(rating_ids)).order_by(AppRatingReply.id)
    return {
        row.rating_id: schemas.AppRatingReply(words=row.words, replied_at=row.replied_at)
        for row in await tx.scalars(query)
    }


async def own(tx: AsyncSession, rating: AppRating) -> schemas.OwnAppRating:
    replies = await replies_to(tx, [rating.id])
    names = ("app_id", "grade", "words", "rated_at", "changed_at", "hidden_at")
    return schemas.OwnAppRating(
        rating_id=rating.id,
        reply=replies.get(rating.id),
        hidden_reason=rating.hidden_reason if rating.hidden_at else None,
        **{name: getattr(rating, name) for name in names},
    )


def seen_by_others(rating: AppRating, replies: Replies) -> schemas.AppRating:
    return schemas.AppRating(
        rating_id=rating.id,
        month=rating.changed_at.astimezone(CHINA).date().replace(day=1),
        reply=replies.get(rating.id),
        **{name: getattr(rating, name) for name in ("version_code", "grade", "words")},
    )


def seen_by_team(rating: AppRating, replies: Replies) -> schemas.TeamAppRating:
    return schemas.TeamAppRating(**seen_by_others(rating, replies).model_dump(), hidden=rating.hidden_at is not None)
