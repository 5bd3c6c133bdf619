using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Http.StatefulSession.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Http.StatefulSession.Cookie.V3;
using Envoy.Extensions.Http.StatefulSession.Header.V3;
using KubeProxyNet.Proxy.Routing.Hashing;
using KubeProxyNet.Proxy.Runtime.HttpFilters;
using KubeProxyNet.Xds.Validation;
using SessionMessage = Envoy.Extensions.Filters.Http.StatefulSession.V3.StatefulSession;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns the stateful session filter into records.</summary>
internal static class StatefulSessionTranslator
{
    private const string TokenCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";

    /// <summary>The filter.</summary>
    public static StatefulSessionConfig Filter(HttpFilter filter, SessionMessage message, TranslationProblems problems, ConfigPath path) =>
        new(filter.Name, Session(message, problems, path)) { Disabled = filter.Disabled, StatPrefix = message.StatPrefix };

    /// <summary>What a route says of it.</summary>
    public static StatefulSessionRouteSettings Settings(StatefulSessionPerRoute message, TranslationProblems problems, ConfigPath path) =>
        new(message.StatefulSession is { } session ? Session(session, problems, path.Field("stateful_session")) : null);

    private static Runtime.HttpFilters.StatefulSession Session(SessionMessage message, TranslationProblems problems, ConfigPath path) =>
        new(State(message.SessionState, problems, path.Field("session_state").Field("typed_config")), message.Strict);

    private static SessionState? State(TypedExtensionConfig? message, TranslationProblems problems, ConfigPath path)
    {
        if (message?.TypedConfig is not { } any)
        {
            return null;
        }

        if (any.TryUnpack<CookieBasedSessionState>(out var cookie))
        {
            return Cookie(cookie.Cookie ?? new(), problems, path.Field("cookie"));
        }

        if (any.TryUnpack<HeaderBasedSessionState>(out var header))
        {
            CheckName(header.Name, problems, path.Field("name"));
            return new HeaderSessionState(header.Name);
        }

        problems.Add(path, $"\"{any.TypeUrl}\" keeps no sessions", "use envoy.http.stateful_session.cookie or envoy.http.stateful_session.header");
        return null;
    }

    private static CookieSessionState Cookie(Envoy.Type.Http.V3.Cookie message, TranslationProblems problems, ConfigPath path)
    {
        CheckName(message.Name, problems, path.Field("name"));
        CheckText(message.Path, problems, path.Field("path"));
        for (var i = 0; i < message.Attributes.Count; i++)
        {
            var at = path.Field("attributes").Index(i);
            CheckName(message.Attributes[i].Name, problems, at.Field("name"));
            CheckText(message.Attributes[i].Value, problems, at.Field("value"));
        }

        var ttl = message.Ttl?.ToTimeSpan() ?? TimeSpan.Zero;
        if (ttl < TimeSpan.Zero)
        {
            problems.Add(path.Field("ttl"), "is negative", "write 0s for as long as the browser runs");
        }

        return new CookieSessionState(message.Name)
        {
            Ttl = ttl,
            Path = message.Path,
            Attributes = [.. message.Attributes.Select(static attribute => new CookieAttribute(attribute.Name, attribute.Value))],
        };
    }

    private static void CheckName(string name, TranslationProblems problems, ConfigPath path)
    {
        if (name.Length is 0 or > 256 || name.Any(static character => !TokenCharacters.Contains(character, StringComparison.Ordinal)))
        {
            problems.Add(path, $"'{name}' cannot be a name here", "use letters, digits, '-' and '_', at most 256");
        }
    }

    private static void CheckText(string text, TranslationProblems problems, ConfigPath path)
    {
        if (text.Any(static character => character is < ' ' or '\x7F' or ';'))
        {
            problems.Add(path, "control characters and ';' cannot be part of a cookie", "remove them");
        }
    }
}
