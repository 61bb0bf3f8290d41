"""Alembic's environment: the connection comes from `referral.upgrade`, never from a file."""

from alembic import context

from referral.models import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_item=context.config.attributes.get("render_item"),
    transaction_per_migration=False,
)
context.run_migrations()
