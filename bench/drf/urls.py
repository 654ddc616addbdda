"""Verification over HTTP: a view with the permission HasAPIKey. The package records no last use and has no rate limit."""

from django.http import HttpResponse
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView


class Verify(APIView):
    def post(self, request):
        return Response({"valid": True, "code": "VALID"}, headers={"Content-Length": "29"})


def ready(request):
    return HttpResponse(b"ready", headers={"Content-Length": "5"})


urlpatterns = [path("verify", Verify.as_view()), path("ready", ready)]
