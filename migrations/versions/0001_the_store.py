"""The store of one referral's whole life"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

APPEND_ONLY = {
    "step": "A step is never edited or removed.",
    "audit": "The audit log is never edited or removed.",
    "audit_index": "An entry's place in the tree never changes.",
    "move_table": "Past rules are never edited or removed.",
    "wording": "Words that were read out are never edited or removed.",
}


def upgrade() -> None:
    op.create_table(
        "audit_detail",
        sa.Column("entry_id", ID, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_audit_detail")),
    )
    op.create_table(
        "bank_holiday",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_bank_holiday")),
    )
    op.create_table(
        "move_table",
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("from_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("noun", "version", name=op.f("pk_move_table")),
    )
    op.create_table(
        "sign_in_try",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("window_start", AT, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "window_start", name=op.f("pk_sign_in_try")),
    )
    op.create_table(
        "system",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_system")),
    )
    op.create_table(
        "app_user",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_app_user_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_user")),
        sa.UniqueConstraint("email", name=op.f("uq_app_user_email")),
    )
    op.create_index(op.f("ix_app_user_system_id"), "app_user", ["system_id"], unique=False)
    op.create_table(
        "audit",
        sa.Column("seq", BIG, autoincrement=True, nullable=False),
        sa.Column("entry_id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("membership_id", ID, nullable=True),
        sa.Column("leaf", sa.Text(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_audit_system_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_audit_record_id_version"), "audit", ["record_id", "version"], unique=False
    )
    op.create_index(
        op.f("ix_audit_system_id_at_seq"), "audit", ["system_id", "at", "seq"], unique=False
    )
    op.create_table(
        "clock",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("started", AT, nullable=False),
        sa.Column("due", AT, nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("hours", sa.Boolean(), nullable=False),
        sa.Column("fired", sa.Integer(), nullable=False),
        sa.Column("look_at", AT, nullable=False),
        sa.Column("missed", AT, nullable=True),
        sa.Column("ended", AT, nullable=True),
        sa.Column("lease_until", AT, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_clock_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock")),
    )
    op.create_index(
        "ix_clock_due",
        "clock",
        ["look_at", "id"],
        unique=False,
        sqlite_where=sa.text("ended IS NULL"),
        postgresql_where=sa.text("ended IS NULL"),
    )
    op.create_index(
        "ix_clock_owner",
        "clock",
        ["owner", "due", "id"],
        unique=False,
        sqlite_where=sa.text("ended IS NULL"),
        postgresql_where=sa.text("ended IS NULL"),
    )
    op.create_index(
        op.f("ix_clock_record_id_kind_id"), "clock", ["record_id", "kind", "id"], unique=False
    )
    op.create_index(
        "ix_clock_run",
        "clock",
        ["record_id"],
        unique=False,
        sqlite_where=sa.text("ended IS NULL"),
        postgresql_where=sa.text("ended IS NULL"),
    )
    op.create_table(
        "external_id",
        sa.Column("system_id", ID, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("external", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_external_id_system_id")
        ),
        sa.PrimaryKeyConstraint(
            "system_id", "source", "noun", "external", name=op.f("pk_external_id")
        ),
    )
    op.create_index(op.f("ix_external_id_record_id"), "external_id", ["record_id"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("system_id", ID, nullable=False),
        sa.Column("actor_id", ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_idempotency_system_id")
        ),
        sa.PrimaryKeyConstraint("system_id", "actor_id", "key", name=op.f("pk_idempotency")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("to_owner", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("run_at", AT, nullable=False),
        sa.Column("lease_until", AT, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("sent_at", AT, nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_outbox_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_record_id"), "outbox", ["record_id"], unique=False)
    op.create_index(
        "ix_outbox_todo",
        "outbox",
        ["run_at", "id"],
        unique=False,
        sqlite_where=sa.text("sent_at IS NULL"),
        postgresql_where=sa.text("sent_at IS NULL"),
    )
    op.create_table(
        "place",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("parent_id", ID, nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("safeguarding_phone", sa.Text(), nullable=True),
        sa.Column("out_of_hours_phone", sa.Text(), nullable=True),
        sa.Column("outside_contact", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('system','place','neighbourhood')", name=op.f("ck_place_kind")
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["place.id"], name=op.f("fk_place_parent_id")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_place_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place")),
        sa.UniqueConstraint("path", name=op.f("uq_place_path")),
    )
    op.create_index(op.f("ix_place_system_id"), "place", ["system_id"], unique=False)
    op.create_table(
        "step",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("membership_id", ID, nullable=True),
        sa.Column("organisation_id", ID, nullable=True),
        sa.Column("on_behalf_of", ID, nullable=True),
        sa.Column("second_id", ID, nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("note_id", ID, nullable=True),
        sa.Column("table_version", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_step_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step")),
    )
    op.create_index("uq_step_record", "step", ["record_id", "version"], unique=True)
    op.create_table(
        "wording",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("from_at", AT, nullable=False),
        sa.CheckConstraint(
            "purpose IN ('contact','evaluation','share_with_provider','tell_practice')",
            name=op.f("ck_wording_purpose"),
        ),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_wording_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wording")),
    )
    op.create_index(
        "uq_wording", "wording", ["system_id", "purpose", "language", "number"], unique=True
    )
    op.create_table(
        "audit_index",
        sa.Column("idx", BIG, autoincrement=False, nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["audit.seq"], name=op.f("fk_audit_index_seq")),
        sa.PrimaryKeyConstraint("idx", name=op.f("pk_audit_index")),
        sa.UniqueConstraint("seq", name=op.f("uq_audit_index_seq")),
    )
    op.create_table(
        "organisation",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("place_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ods_code", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("ended_at", AT, nullable=True),
        sa.CheckConstraint(
            "kind IN ('board','council','network','practice','provider','voluntary')",
            name=op.f("ck_organisation_kind"),
        ),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_organisation_place_id")),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_organisation_system_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
    )
    op.create_index(op.f("ix_organisation_place_id"), "organisation", ["place_id"], unique=False)
    op.create_index(
        op.f("ix_organisation_system_id_name"), "organisation", ["system_id", "name"], unique=False
    )
    op.create_table(
        "agreement",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("purposes", sa.Text(), nullable=False),
        sa.Column("lawful_basis", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", AT, nullable=False),
        sa.Column("review_at", AT, nullable=False),
        sa.Column("replaces_id", ID, nullable=True),
        sa.Column("duties", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", AT, nullable=False),
        sa.CheckConstraint("kind IN ('sharing','working')", name=op.f("ck_agreement_kind")),
        sa.CheckConstraint(
            "state IN ('drafted','ended','expired','in_force')", name=op.f("ck_agreement_state")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_agreement_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["replaces_id"], ["agreement.id"], name=op.f("fk_agreement_replaces_id")
        ),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_agreement_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement")),
        sa.UniqueConstraint("reference", name=op.f("uq_agreement_reference")),
    )
    op.create_index(
        op.f("ix_agreement_organisation_id"), "agreement", ["organisation_id"], unique=False
    )
    op.create_table(
        "membership",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("place_id", ID, nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("started_at", AT, nullable=False),
        sa.Column("ended_at", AT, nullable=True),
        sa.Column("away_from", AT, nullable=True),
        sa.Column("away_until", AT, nullable=True),
        sa.CheckConstraint(
            "role IN ('accountable_officer','administrator','auditor','commissioner','governance_lead','information_governance_lead','link_worker','person','provider_leader','safeguarding_lead','system','team_lead')",
            name=op.f("ck_membership_role"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_membership_organisation_id")
        ),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_membership_place_id")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_membership_system_id")),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_membership_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
    )
    op.create_index("ix_membership_place", "membership", ["place_id", "role"], unique=False)
    op.create_index("ix_membership_post", "membership", ["organisation_id", "role"], unique=False)
    op.create_index(op.f("ix_membership_user_id"), "membership", ["user_id"], unique=False)
    op.create_table(
        "person",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("subject_ref", ID, nullable=False),
        sa.Column("gate", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("nhs_number", sa.Text(), nullable=True),
        sa.Column("no_nhs_number", sa.Text(), nullable=True),
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("postcode", sa.Text(), nullable=True),
        sa.Column("practice", sa.Text(), nullable=True),
        sa.Column("contact_method", sa.Text(), nullable=True),
        sa.Column("contact_times", sa.Text(), nullable=True),
        sa.Column("message_safe", sa.Boolean(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("interpreter", sa.Boolean(), nullable=True),
        sa.Column("access_needs", sa.Text(), nullable=True),
        sa.Column("emergency_contact", sa.Text(), nullable=True),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("died_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_person_organisation_id")
        ),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_person_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("reference", name=op.f("uq_person_reference")),
        sa.UniqueConstraint("subject_ref", name=op.f("uq_person_subject_ref")),
    )
    op.create_index(
        "ix_person_name_birth", "person", ["system_id", "name_key", "birth_date"], unique=False
    )
    op.create_index(
        op.f("ix_person_organisation_id_name_key_id"),
        "person",
        ["organisation_id", "name_key", "id"],
        unique=False,
    )
    op.create_index(
        "uq_person_nhs_number",
        "person",
        ["system_id", "nhs_number"],
        unique=True,
        sqlite_where=sa.text("nhs_number IS NOT NULL"),
        postgresql_where=sa.text("nhs_number IS NOT NULL"),
    )
    op.create_table(
        "provider",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("gate", sa.Integer(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.CheckConstraint(
            "tier IN ('sole_artist','small_group','larger')", name=op.f("ck_provider_tier")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_provider_organisation_id")
        ),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_provider_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider")),
        sa.UniqueConstraint("organisation_id", name=op.f("uq_provider_organisation_id")),
    )
    op.create_index(op.f("ix_provider_system_id"), "provider", ["system_id"], unique=False)
    op.create_table(
        "activity",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("postcode", sa.Text(), nullable=True),
        sa.Column("when_words", sa.Text(), nullable=True),
        sa.Column("cost_words", sa.Text(), nullable=True),
        sa.Column("access_words", sa.Text(), nullable=True),
        sa.Column("contact_words", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("minimum_age", sa.Integer(), nullable=True),
        sa.Column("maximum_age", sa.Integer(), nullable=True),
        sa.Column("safety_questions", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("confirmed_at", AT, nullable=True),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("updated_at", AT, nullable=False),
        sa.CheckConstraint("status IN ('open','paused','closed')", name=op.f("ck_activity_status")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_activity_provider_id")
        ),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_activity_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
    )
    op.create_index(op.f("ix_activity_provider_id"), "activity", ["provider_id"], unique=False)
    op.create_index(
        op.f("ix_activity_system_id_status_name_id"),
        "activity",
        ["system_id", "status", "name", "id"],
        unique=False,
    )
    op.create_table(
        "agreement_party",
        sa.Column("agreement_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("signed_at", AT, nullable=True),
        sa.Column("signed_by", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["agreement.id"], name=op.f("fk_agreement_party_agreement_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_agreement_party_organisation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["signed_by"], ["membership.id"], name=op.f("fk_agreement_party_signed_by")
        ),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_agreement_party_system_id")
        ),
        sa.PrimaryKeyConstraint("agreement_id", "organisation_id", name=op.f("pk_agreement_party")),
    )
    op.create_index(
        op.f("ix_agreement_party_organisation_id"),
        "agreement_party",
        ["organisation_id"],
        unique=False,
    )
    op.create_table(
        "api_token",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("membership_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("expires_at", AT, nullable=False),
        sa.Column("revoked_at", AT, nullable=True),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["membership.id"], name=op.f("fk_api_token_membership_id")
        ),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_api_token_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    op.create_table(
        "confirmation",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("given", sa.Text(), nullable=False),
        sa.Column("proposed_by", ID, nullable=False),
        sa.Column("proposed_at", AT, nullable=False),
        sa.Column("answered_by", ID, nullable=True),
        sa.Column("answered_at", AT, nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "answer IN ('confirmed','refused','lapsed')", name=op.f("ck_confirmation_answer")
        ),
        sa.ForeignKeyConstraint(
            ["answered_by"], ["membership.id"], name=op.f("fk_confirmation_answered_by")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_confirmation_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["membership.id"], name=op.f("fk_confirmation_proposed_by")
        ),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_confirmation_system_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmation")),
    )
    op.create_index(op.f("ix_confirmation_record_id"), "confirmation", ["record_id"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column("blocking", sa.Boolean(), nullable=False),
        sa.Column("from_at", AT, nullable=False),
        sa.Column("until", AT, nullable=False),
        sa.Column("grace_until", AT, nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("checked_by", ID, nullable=True),
        sa.Column("recorded_at", AT, nullable=False),
        sa.Column("replaced_at", AT, nullable=True),
        sa.ForeignKeyConstraint(
            ["checked_by"], ["membership.id"], name=op.f("fk_evidence_checked_by")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_evidence_provider_id")
        ),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_evidence_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    op.create_index(
        "ix_evidence_counts",
        "evidence",
        ["provider_id", "until"],
        unique=False,
        sqlite_where=sa.text("blocking AND replaced_at IS NULL"),
        postgresql_where=sa.text("blocking AND replaced_at IS NULL"),
    )
    op.create_index(op.f("ix_evidence_provider_id"), "evidence", ["provider_id"], unique=False)
    op.create_table(
        "note",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=True),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("written_by", ID, nullable=True),
        sa.Column("at", AT, nullable=False),
        sa.CheckConstraint(
            "audience IN ('both','ours','safeguarding','review')", name=op.f("ck_note_audience")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_note_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_note_person_id")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_note_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note")),
    )
    op.create_index(op.f("ix_note_record_id"), "note", ["record_id"], unique=False)
    op.create_table(
        "notice",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("outbox_id", BIG, nullable=False),
        sa.Column("membership_id", ID, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("read_at", AT, nullable=True),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["membership.id"], name=op.f("fk_notice_membership_id")
        ),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name=op.f("fk_notice_outbox_id")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_notice_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    op.create_index(
        op.f("ix_notice_membership_id_id"), "notice", ["membership_id", "id"], unique=False
    )
    op.create_index("uq_notice", "notice", ["outbox_id", "membership_id"], unique=True)
    op.create_table(
        "override",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", AT, nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("until", AT, nullable=True),
        sa.CheckConstraint(
            "state IN ('approved','ended','proposed','refused','reviewed')",
            name=op.f("ck_override_state"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_override_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_override_person_id")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_override_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_override")),
    )
    op.create_index(
        "ix_override_live",
        "override",
        ["person_id", "recipient"],
        unique=False,
        sqlite_where=sa.text("state = 'approved'"),
        postgresql_where=sa.text("state = 'approved'"),
    )
    op.create_table(
        "plan",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("what_matters", sa.Text(), nullable=True),
        sa.Column("goals", sa.Text(), nullable=True),
        sa.Column("needs", sa.Text(), nullable=True),
        sa.Column("access", sa.Text(), nullable=True),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("updated_at", AT, nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_plan_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_plan_person_id")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_plan_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
    )
    op.create_index(op.f("ix_plan_person_id"), "plan", ["person_id"], unique=False)
    op.create_table(
        "sign_in",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("membership_id", ID, nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("seen_at", AT, nullable=False),
        sa.Column("idle_until", AT, nullable=False),
        sa.Column("ends_at", AT, nullable=False),
        sa.Column("revoked_at", AT, nullable=True),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["membership.id"], name=op.f("fk_sign_in_membership_id")
        ),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_sign_in_system_id")),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_sign_in_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sign_in")),
    )
    op.create_index(op.f("ix_sign_in_user_id"), "sign_in", ["user_id"], unique=False)
    op.create_table(
        "activity_group",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("activity_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("members_from_outside", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("breaks", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "capacity >= 0 AND members_from_outside >= 0", name=op.f("ck_activity_group_counts")
        ),
        sa.CheckConstraint("taken >= 0", name=op.f("ck_activity_group_taken")),
        sa.ForeignKeyConstraint(
            ["activity_id"], ["activity.id"], name=op.f("fk_activity_group_activity_id")
        ),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_activity_group_system_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity_group")),
    )
    op.create_index(
        op.f("ix_activity_group_activity_id"), "activity_group", ["activity_id"], unique=False
    )
    op.create_table(
        "assurance",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", AT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("conditions_note_id", ID, nullable=True),
        sa.Column("conditional_activities", sa.Text(), nullable=True),
        sa.Column("conditions_until", AT, nullable=True),
        sa.Column("decided_by", ID, nullable=True),
        sa.CheckConstraint(
            "state IN ('applied','assured','conditional','in_review','lapsed','left','refused','suspended')",
            name=op.f("ck_assurance_state"),
        ),
        sa.ForeignKeyConstraint(
            ["conditions_note_id"], ["note.id"], name=op.f("fk_assurance_conditions_note_id")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["membership.id"], name=op.f("fk_assurance_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_assurance_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_assurance_provider_id")
        ),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_assurance_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assurance")),
        sa.UniqueConstraint("provider_id", name=op.f("uq_assurance_provider_id")),
    )
    op.create_table(
        "consent",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("link_worker_id", ID, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", AT, nullable=False),
        sa.Column("renews_id", ID, nullable=True),
        sa.Column("wording_id", ID, nullable=True),
        sa.Column("basis", sa.Text(), nullable=True),
        sa.Column("how", sa.Text(), nullable=True),
        sa.Column("present", sa.Text(), nullable=True),
        sa.Column("capacity_note_id", ID, nullable=True),
        sa.Column("asked_at", AT, nullable=False),
        sa.Column("answered_at", AT, nullable=True),
        sa.Column("until", AT, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "basis IN ('agreement','best_interests','gillick','parental')",
            name=op.f("ck_consent_basis"),
        ),
        sa.CheckConstraint(
            "purpose IN ('contact','evaluation','share_with_provider','tell_practice')",
            name=op.f("ck_consent_purpose"),
        ),
        sa.CheckConstraint("state <> 'given' OR until IS NOT NULL", name=op.f("ck_consent_until")),
        sa.CheckConstraint(
            "state IN ('asked','expired','given','refused','withdrawn')",
            name=op.f("ck_consent_state"),
        ),
        sa.ForeignKeyConstraint(
            ["capacity_note_id"], ["note.id"], name=op.f("fk_consent_capacity_note_id")
        ),
        sa.ForeignKeyConstraint(
            ["link_worker_id"], ["membership.id"], name=op.f("fk_consent_link_worker_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_consent_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_consent_person_id")),
        sa.ForeignKeyConstraint(["renews_id"], ["consent.id"], name=op.f("fk_consent_renews_id")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_consent_system_id")),
        sa.ForeignKeyConstraint(["wording_id"], ["wording.id"], name=op.f("fk_consent_wording_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index(
        op.f("ix_consent_person_id_recipient_purpose_answered_at"),
        "consent",
        ["person_id", "recipient", "purpose", "answered_at"],
        unique=False,
    )
    op.create_index(
        "uq_consent_asked",
        "consent",
        ["person_id", "recipient", "purpose"],
        unique=True,
        sqlite_where=sa.text("state = 'asked'"),
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.create_index(
        "uq_consent_given",
        "consent",
        ["person_id", "recipient", "purpose"],
        unique=True,
        sqlite_where=sa.text("state = 'given'"),
        postgresql_where=sa.text("state = 'given'"),
    )
    op.create_table(
        "escalation",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column("about_id", ID, nullable=True),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", AT, nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("ceiling", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("raiser", sa.Text(), nullable=False),
        sa.Column("raised_by", ID, nullable=True),
        sa.Column("clock_id", BIG, nullable=True),
        sa.Column("clock_period", sa.Integer(), nullable=True),
        sa.Column("tried", sa.Text(), nullable=True),
        sa.Column("reviewer_id", ID, nullable=True),
        sa.Column("asked", sa.Text(), nullable=True),
        sa.Column("unanswered", sa.Integer(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("conditions_note_id", ID, nullable=True),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("told_at", AT, nullable=True),
        sa.Column("closed_at", AT, nullable=True),
        sa.Column("created_at", AT, nullable=False),
        sa.CheckConstraint(
            "severity IN ('low','medium','high')", name=op.f("ck_escalation_severity")
        ),
        sa.CheckConstraint(
            "state IN ('closed','decided','in_review','information_requested','raised','withdrawn')",
            name=op.f("ck_escalation_state"),
        ),
        sa.CheckConstraint(
            "level BETWEEN 1 AND 4 AND ceiling BETWEEN 1 AND 4", name=op.f("ck_escalation_level")
        ),
        sa.ForeignKeyConstraint(
            ["conditions_note_id"], ["note.id"], name=op.f("fk_escalation_conditions_note_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_escalation_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_escalation_person_id")),
        sa.ForeignKeyConstraint(
            ["raised_by"], ["membership.id"], name=op.f("fk_escalation_raised_by")
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["membership.id"], name=op.f("fk_escalation_reviewer_id")
        ),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_escalation_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalation")),
        sa.UniqueConstraint(
            "clock_id", "clock_period", name=op.f("uq_escalation_clock_id_clock_period")
        ),
        sa.UniqueConstraint("reference", name=op.f("uq_escalation_reference")),
    )
    op.create_index(
        "ix_escalation_about",
        "escalation",
        ["about_id"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        op.f("ix_escalation_organisation_id_state_since_id"),
        "escalation",
        ["organisation_id", "state", "since", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_escalation_owner_state_since_id"),
        "escalation",
        ["owner", "state", "since", "id"],
        unique=False,
    )
    op.create_table(
        "consequence",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("escalation_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("given", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("refusals", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("settled_at", AT, nullable=True),
        sa.CheckConstraint(
            "state IN ('pending','done','failed','waived')", name=op.f("ck_consequence_state")
        ),
        sa.ForeignKeyConstraint(
            ["escalation_id"], ["escalation.id"], name=op.f("fk_consequence_escalation_id")
        ),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_consequence_system_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consequence")),
    )
    op.create_index(
        op.f("ix_consequence_escalation_id"), "consequence", ["escalation_id"], unique=False
    )
    op.create_table(
        "referral",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("activity_id", ID, nullable=False),
        sa.Column("group_id", ID, nullable=False),
        sa.Column("link_worker_id", ID, nullable=False),
        sa.Column("plan_id", ID, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", AT, nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("risks", sa.Text(), nullable=True),
        sa.Column("safety_notes", sa.Text(), nullable=True),
        sa.Column("safety_answers", sa.Text(), nullable=True),
        sa.Column("call_before", sa.Boolean(), nullable=False),
        sa.Column("shared", sa.Text(), nullable=True),
        sa.Column("alternatives", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("expected_date", sa.Date(), nullable=True),
        sa.Column("paused_until", sa.Date(), nullable=True),
        sa.Column("contacted_at", AT, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("redirected_from", ID, nullable=True),
        sa.Column("redirected_to", ID, nullable=True),
        sa.Column("sent_at", AT, nullable=True),
        sa.Column("completed_at", AT, nullable=True),
        sa.Column("created_at", AT, nullable=False),
        sa.CheckConstraint("risks IN ('none','some','not_known')", name=op.f("ck_referral_risks")),
        sa.CheckConstraint(
            "state IN ('accepted','active','closed','completed','draft','in_error','paused','queried','redirected','returned','sent','waiting','withdrawn')",
            name=op.f("ck_referral_state"),
        ),
        sa.ForeignKeyConstraint(
            ["activity_id"], ["activity.id"], name=op.f("fk_referral_activity_id")
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["activity_group.id"], name=op.f("fk_referral_group_id")
        ),
        sa.ForeignKeyConstraint(
            ["link_worker_id"], ["membership.id"], name=op.f("fk_referral_link_worker_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_referral_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_referral_person_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_referral_plan_id")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_referral_provider_id")
        ),
        sa.ForeignKeyConstraint(
            ["redirected_from"], ["referral.id"], name=op.f("fk_referral_redirected_from")
        ),
        sa.ForeignKeyConstraint(
            ["redirected_to"], ["referral.id"], name=op.f("fk_referral_redirected_to")
        ),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_referral_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral")),
        sa.UniqueConstraint("reference", name=op.f("uq_referral_reference")),
    )
    op.create_index(
        op.f("ix_referral_link_worker_id_state"),
        "referral",
        ["link_worker_id", "state"],
        unique=False,
    )
    op.create_index(
        op.f("ix_referral_organisation_id_state_since_id"),
        "referral",
        ["organisation_id", "state", "since", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_referral_person_id"), "referral", ["person_id"], unique=False)
    op.create_index(
        op.f("ix_referral_provider_id_state_since_id"),
        "referral",
        ["provider_id", "state", "since", "id"],
        unique=False,
    )
    op.create_index(
        "uq_referral_duplicate",
        "referral",
        ["person_id", "provider_id", "activity_id"],
        unique=True,
        sqlite_where=sa.text(
            "state IN ('accepted','active','completed','paused','queried','returned','sent','waiting')"
        ),
        postgresql_where=sa.text(
            "state IN ('accepted','active','completed','paused','queried','returned','sent','waiting')"
        ),
    )
    op.create_table(
        "attendance",
        sa.Column("referral_id", ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("came", sa.Text(), nullable=False),
        sa.Column("recorded_at", AT, nullable=False),
        sa.Column("recorded_by", ID, nullable=True),
        sa.CheckConstraint(
            "came IN ('came','did_not_come','told_us','late')", name=op.f("ck_attendance_came")
        ),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_attendance_referral_id")
        ),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_attendance_system_id")),
        sa.PrimaryKeyConstraint("referral_id", "day", name=op.f("pk_attendance")),
    )
    op.create_table(
        "concern",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("provider_id", ID, nullable=True),
        sa.Column("referral_id", ID, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", AT, nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("danger", sa.Boolean(), nullable=False),
        sa.Column("raised_by", ID, nullable=True),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.Column("prompts", sa.Text(), nullable=True),
        sa.Column("wishes", sa.Text(), nullable=True),
        sa.Column("person_knows", sa.Text(), nullable=True),
        sa.Column("acknowledged_at", AT, nullable=True),
        sa.Column("acknowledged_by", ID, nullable=True),
        sa.Column("reported_to", sa.Text(), nullable=True),
        sa.Column("authority_reference", sa.Text(), nullable=True),
        sa.Column("authority_decision", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("wishes_met", sa.Text(), nullable=True),
        sa.Column("closed_at", AT, nullable=True),
        sa.Column("created_at", AT, nullable=False),
        sa.CheckConstraint(
            "state IN ('closed','enquiry','monitoring','raised','reported','under_review')",
            name=op.f("ck_concern_state"),
        ),
        sa.CheckConstraint(
            "person_id IS NOT NULL OR provider_id IS NOT NULL", name=op.f("ck_concern_about")
        ),
        sa.ForeignKeyConstraint(
            ["acknowledged_by"], ["membership.id"], name=op.f("fk_concern_acknowledged_by")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_concern_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_concern_person_id")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_concern_provider_id")
        ),
        sa.ForeignKeyConstraint(
            ["raised_by"], ["membership.id"], name=op.f("fk_concern_raised_by")
        ),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_concern_referral_id")
        ),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_concern_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concern")),
        sa.UniqueConstraint("reference", name=op.f("uq_concern_reference")),
    )
    op.create_index(op.f("ix_concern_holder_state"), "concern", ["holder", "state"], unique=False)
    op.create_index(
        "ix_concern_open",
        "concern",
        ["person_id"],
        unique=False,
        sqlite_where=sa.text("state <> 'closed'"),
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.create_index(
        "ix_concern_open_provider",
        "concern",
        ["provider_id"],
        unique=False,
        sqlite_where=sa.text("state <> 'closed'"),
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.create_index(op.f("ix_concern_raised_by"), "concern", ["raised_by"], unique=False)
    op.create_table(
        "concern_source",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("concern_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("organisation_id", ID, nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["concern_id"], ["concern.id"], name=op.f("fk_concern_source_concern_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_concern_source_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_concern_source_system_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["app_user.id"], name=op.f("fk_concern_source_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concern_source")),
    )
    op.create_index(
        op.f("ix_concern_source_concern_id"), "concern_source", ["concern_id"], unique=False
    )
    op.create_table(
        "hold",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("concern_id", ID, nullable=True),
        sa.Column("person_id", ID, nullable=True),
        sa.Column("provider_id", ID, nullable=True),
        sa.Column("referral_id", ID, nullable=True),
        sa.Column("closed_to", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("started", AT, nullable=False),
        sa.Column("until", AT, nullable=True),
        sa.Column("ended", AT, nullable=True),
        sa.CheckConstraint(
            "cause IN ('concern','hospital','person_asked','records')", name=op.f("ck_hold_cause")
        ),
        sa.CheckConstraint(
            "person_id IS NOT NULL OR provider_id IS NOT NULL OR referral_id IS NOT NULL",
            name=op.f("ck_hold_reach"),
        ),
        sa.ForeignKeyConstraint(["concern_id"], ["concern.id"], name=op.f("fk_hold_concern_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_hold_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_hold_person_id")),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name=op.f("fk_hold_provider_id")),
        sa.ForeignKeyConstraint(["referral_id"], ["referral.id"], name=op.f("fk_hold_referral_id")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_hold_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
    )
    op.create_index("ix_hold_all_person", "hold", ["person_id"], unique=False)
    op.create_index(op.f("ix_hold_concern_id"), "hold", ["concern_id"], unique=False)
    op.create_index(
        "ix_hold_person",
        "hold",
        ["person_id"],
        unique=False,
        sqlite_where=sa.text("ended IS NULL"),
        postgresql_where=sa.text("ended IS NULL"),
    )
    op.create_index(
        "ix_hold_provider",
        "hold",
        ["provider_id"],
        unique=False,
        sqlite_where=sa.text("ended IS NULL"),
        postgresql_where=sa.text("ended IS NULL"),
    )
    guard_what_never_changes()


def guard_what_never_changes() -> None:
    """Append-only tables refuse UPDATE and DELETE; an entry's details may be erased, not edited;
    a referral that was sent keeps its ids."""
    sent = (
        "OLD.sent_at IS NOT NULL AND (NEW.id <> OLD.id OR NEW.person_id <> OLD.person_id"
        " OR NEW.provider_id <> OLD.provider_id OR NEW.activity_id <> OLD.activity_id"
        " OR NEW.organisation_id <> OLD.organisation_id OR NEW.system_id <> OLD.system_id)"
    )
    moved = "The ids of a referral that was sent never change."
    if op.get_bind().dialect.name == "postgresql":
        # The sequencer's horizon: the transaction an entry was written in.
        op.execute("ALTER TABLE audit ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()")
        op.execute("CREATE INDEX ix_audit_xid ON audit (xid)")
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $$"
        )
        for table, why in APPEND_ONLY.items():
            why = why.replace("'", "''")
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
                f" FOR EACH ROW EXECUTE FUNCTION refuse_change('{why}')"
            )
            op.execute(
                f"CREATE TRIGGER {table}_kept BEFORE TRUNCATE ON {table}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('{why}')"
            )
        op.execute(
            "CREATE TRIGGER audit_detail_kept BEFORE UPDATE ON audit_detail FOR EACH ROW"
            " EXECUTE FUNCTION refuse_change('Details may be erased, never edited.')"
        )
        op.execute(
            f"CREATE TRIGGER referral_ids BEFORE UPDATE ON referral FOR EACH ROW WHEN ({sent})"
            f" EXECUTE FUNCTION refuse_change('{moved}')"
        )
        return
    for table, why in APPEND_ONLY.items():
        why = why.replace("'", "''")
        for what in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{why}'); END"
            )
    op.execute(
        "CREATE TRIGGER audit_detail_no_update BEFORE UPDATE ON audit_detail"
        " BEGIN SELECT RAISE(ABORT, 'Details may be erased, never edited.'); END"
    )
    op.execute(
        f"CREATE TRIGGER referral_ids BEFORE UPDATE ON referral WHEN {sent}"
        f" BEGIN SELECT RAISE(ABORT, '{moved}'); END"
    )


def downgrade() -> None:
    raise RuntimeError("The first revision has nothing to go back to: restore a backup instead.")
