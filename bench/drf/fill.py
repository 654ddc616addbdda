"""Creates the database and stores the keys of a file, hashed as the package hashes them."""

import sys

import django

django.setup()

from django.core.management import call_command
from rest_framework_api_key.models import APIKey

call_command("migrate", verbosity=0)
generator = APIKey.objects.key_generator


def stored(key):
    prefix, hashed = key.partition(".")[0], generator.hash(key)
    return APIKey(id=f"{prefix}.{hashed}", prefix=prefix, hashed_key=hashed, name="Service")


with open(sys.argv[1]) as file:
    APIKey.objects.bulk_create((stored(key) for key in file.read().split("\n")), batch_size=1000)
