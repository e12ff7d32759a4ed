import gateway.apis.AppAccountApi
import gateway.apis.AppRegistrationApi
import gateway.apis.AppSignInApi
import gateway.apis.SetUpApi
import gateway.infrastructure.ApiClient
import gateway.infrastructure.ClientError
import gateway.infrastructure.ClientException
import gateway.infrastructure.Serializer
import gateway.models.ErrorBody
import gateway.models.OptionsType
import gateway.models.RefreshRequest
import gateway.models.RegisterRequest

// What the generated client does against a running gateway. It prints a line for each step.
fun main() {
    val gateway = System.getenv("GATEWAY")
    val email = System.getenv("EMAIL")
    val password = System.getenv("PASSWORD")

    val registered = AppRegistrationApi(gateway).register(
        RegisterRequest(username = "Kotlin", email = email, password = password, verificationCode = System.getenv("CODE")),
    )
    println("registered ${registered.user.memberGroup}")

    val signIn = AppSignInApi(gateway)
    val tokens = signIn.login(email, password)
    println("signed in ${tokens.expiresIn}")

    ApiClient.accessToken = tokens.accessToken
    println("account ${AppAccountApi(gateway).getMe().user.username}")
    println("refreshed ${signIn.refresh(RefreshRequest(tokens.refreshToken)).expiresIn}")
    println("key ${SetUpApi(gateway).getOptions(OptionsType.GenerateSecret).key?.length}")

    try {
        signIn.login(email, "wrong $password")
    } catch (refused: ClientException) {
        val body = (refused.response as ClientError<*>).body as String
        println("refused ${read(body)}")
        println("unknown ${read(body.replace("INVALID_CREDENTIALS", "OF_A_LATER_VERSION"))}")
    }
}

fun read(body: String) = Serializer.kotlinxSerializationJson.decodeFromString(ErrorBody.serializer(), body).code
