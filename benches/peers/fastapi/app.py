"""The FastAPI tutorials' OAuth2 with JWT, complete enough to run, under Mangum.

`STORE=dict` keeps the users in the source, as the tutorials do; `STORE=dynamodb` is what such an app becomes on Lambda, where
nothing in memory lasts: users and revoked tokens in tables, read by boto3. `HASH` is `bcrypt` or `argon2`.
"""

import os
from datetime import datetime, timedelta, timezone
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException, status
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from jwt import InvalidTokenError
from mangum import Mangum
from pydantic import BaseModel

SECRET_KEY = os.environ["SECRET_KEY"]
ALGORITHM = "HS256"
ACCESS_TOKEN_EXPIRE_MINUTES = 15
REFRESH_TOKEN_EXPIRE_DAYS = 7

if os.environ["HASH"] == "argon2":
    from argon2 import PasswordHasher
    from argon2.exceptions import VerifyMismatchError

    hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

    def verify_password(plain_password, hashed_password):
        try:
            return hasher.verify(hashed_password, plain_password)
        except VerifyMismatchError:
            return False
else:
    import bcrypt

    def verify_password(plain_password, hashed_password):
        return bcrypt.checkpw(plain_password.encode("utf-8"), hashed_password.encode("utf-8"))


class Token(BaseModel):
    access_token: str
    refresh_token: str | None = None
    token_type: str


class User(BaseModel):
    username: str
    email: str | None = None
    full_name: str | None = None
    disabled: bool | None = None


class UserInDB(User):
    hashed_password: str


if os.environ["STORE"] == "dynamodb":
    import boto3

    dynamodb = boto3.client("dynamodb", endpoint_url=os.environ["AWS_ENDPOINT_URL_DYNAMODB"])

    def get_user(username: str):
        found = dynamodb.get_item(TableName="peer-users", Key={"username": {"S": username}}, ConsistentRead=True)
        if item := found.get("Item"):
            return UserInDB(**{name: next(iter(value.values())) for name, value in item.items()})

    def is_token_blacklisted(token: str):
        found = dynamodb.get_item(TableName="peer-revoked", Key={"token": {"S": token}}, ConsistentRead=True)
        return "Item" in found
else:
    users = {
        os.environ["USERNAME"]: {
            "username": os.environ["USERNAME"],
            "full_name": "Ann",
            "email": "ann@example.com",
            "hashed_password": os.environ["HASHED_PASSWORD"],
            "disabled": False,
        }
    }
    revoked_tokens = set()

    def get_user(username: str):
        if username in users:
            return UserInDB(**users[username])

    def is_token_blacklisted(token: str):
        return token in revoked_tokens


oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")
app = FastAPI()


def authenticate_user(username: str, password: str):
    user = get_user(username)
    if not user or not verify_password(password, user.hashed_password):
        return False
    return user


def create_token(data: dict, expires_delta: timedelta):
    to_encode = data | {"exp": datetime.now(timezone.utc) + expires_delta}
    return jwt.encode(to_encode, SECRET_KEY, algorithm=ALGORITHM)


async def get_current_user(token: Annotated[str, Depends(oauth2_scheme)]):
    credentials_exception = HTTPException(
        status_code=status.HTTP_401_UNAUTHORIZED,
        detail="Could not validate credentials",
        headers={"WWW-Authenticate": "Bearer"},
    )
    if is_token_blacklisted(token):
        raise HTTPException(status_code=status.HTTP_401_UNAUTHORIZED, detail="Token has been revoked")
    try:
        username = jwt.decode(token, SECRET_KEY, algorithms=[ALGORITHM]).get("sub")
    except InvalidTokenError:
        raise credentials_exception
    user = get_user(username) if username else None
    if user is None:
        raise credentials_exception
    return user


async def get_current_active_user(current_user: Annotated[User, Depends(get_current_user)]):
    if current_user.disabled:
        raise HTTPException(status_code=400, detail="Inactive user")
    return current_user


@app.post("/token")
async def login_for_access_token(form_data: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Token:
    user = authenticate_user(form_data.username, form_data.password)
    if not user:
        raise HTTPException(
            status_code=status.HTTP_401_UNAUTHORIZED,
            detail="Incorrect username or password",
            headers={"WWW-Authenticate": "Bearer"},
        )
    access_token = create_token({"sub": user.username}, timedelta(minutes=ACCESS_TOKEN_EXPIRE_MINUTES))
    refresh = {"sub": user.username, "type": "refresh"}
    refresh_token = create_token(refresh, timedelta(days=REFRESH_TOKEN_EXPIRE_DAYS))
    return Token(access_token=access_token, refresh_token=refresh_token, token_type="bearer")


@app.get("/users/me", response_model=User)
async def read_users_me(current_user: Annotated[User, Depends(get_current_active_user)]):
    return current_user


handler = Mangum(app, lifespan="off")
