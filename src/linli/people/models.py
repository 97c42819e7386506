"""The tables of people. Private to the room."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models


class Person(AbstractBaseUser):
    """Somebody who can sign in."""

    phone = models.CharField(max_length=20, unique=True)
    USERNAME_FIELD = "phone"
