"""The demo's accounts, group and articles."""

from django.contrib.auth.models import Group, Permission
from django.core.management import BaseCommand, call_command
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from articles.models import Article
from newsroom.demo_data import ACCOUNTS, ARTICLES, EDITORS, SETTINGS, Account
from rail_django import factors
from users.models import User, UserSettings


class Command(BaseCommand):
    help = "Create the demo's accounts and articles where they are missing."
    requires_system_checks = ()  # they would load both schemas, and every start runs this

    def add_arguments(self, parser):
        parser.add_argument("--migrate", action="store_true", help="update the tables first")
        parser.add_argument(
            "--reset",
            action="store_true",
            help="also give the accounts their first password back and remove their factors",
        )

    def handle(self, *, migrate: bool, reset: bool, verbosity: int, **_options):
        if migrate and _pending_migrations():
            call_command("migrate", verbosity=0, interactive=False)
        with transaction.atomic():
            created = seed_accounts(reset)
            seed_group(reset)
            created += seed_articles()
        if created:
            _advance_sequences()
        if created and verbosity:
            self.stdout.write(f"seeded {created} rows")


def seed_accounts(reset: bool) -> int:
    """Ids are part of the demo, so that recorded answers stay comparable."""
    existing = User.objects.in_bulk([account.id for account in ACCOUNTS])
    missing = [account for account in ACCOUNTS if account.id not in existing]
    for account in missing:
        _write(account, User(pk=account.id))
    for account in ACCOUNTS if reset else ():
        if account.id in existing:
            _write(account, existing[account.id])
            factors.remove_all(existing[account.id])
    for user_id, values in SETTINGS.items():
        UserSettings.objects.get_or_create(user_id=user_id, defaults=values)
    return len(missing)


def seed_group(reset: bool) -> None:
    group, created = Group.objects.get_or_create(pk=EDITORS.id, defaults={"name": EDITORS.name})
    if not (created or reset):
        return
    group.permissions.add(
        *Permission.objects.filter(
            content_type__app_label="users", codename__in=EDITORS.permissions
        )
    )
    group.user_set.add(*EDITORS.members)


def seed_articles() -> int:
    if Article.objects.exists():
        return 0
    articles = [
        Article(author_id=author, title=title, body=body) for author, title, body in ARTICLES
    ]
    return len(Article.objects.bulk_create(articles))


def _write(account: Account, user: User) -> None:
    for name, value in account.columns().items():
        setattr(user, name, value)
    user.set_password(account.password)
    user.save()


def _pending_migrations() -> bool:
    """Asking is much quicker than running `migrate` with nothing to do."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _advance_sequences() -> None:
    """Rows with ids of our choice leave PostgreSQL's sequences behind."""
    statements = connection.ops.sequence_reset_sql(no_style(), [User, Group])
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
