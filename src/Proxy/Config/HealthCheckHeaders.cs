using System.Text;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Routing;
using KubeProxyNet.Proxy.Routing.Headers;
using KubeProxyNet.Xds.Validation;
using Proto = Envoy.Config.Core.V3.HealthCheck.Types;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Settles the header lines of a health check's request: our own with what the configuration adds and removes, under the same rules as a route's.</summary>
internal static class HealthCheckHeaders
{
    /// <summary>What Envoy calls itself here, and what servers know.</summary>
    private const string UserAgent = "user-agent: Envoy/HC\r\n";

    /// <summary>The lines, each with its end; neither the host nor the framing is among them.</summary>
    public static string Lines(Proto.HttpHealthCheck message, TranslationProblems problems, ConfigPath path) =>
        Lines(HeaderRulesTranslator.Request(message.RequestHeadersToAdd, message.RequestHeadersToRemove, problems, path), problems, path, "request_headers_to_add");

    /// <summary>The lines of a call of gRPC.</summary>
    public static string Lines(Proto.GrpcHealthCheck message, TranslationProblems problems, ConfigPath path) =>
        Lines(HeaderRulesTranslator.Request(message.InitialMetadata, [], problems, path), problems, path, "initial_metadata");

    private static string Lines(HeaderRules rules, TranslationProblems problems, ConfigPath path, string field)
    {
        var scope = new CompilationScope(Re2Syntax.Read);
        HeaderMutationsBuilder.Check(rules, "", "request", scope);
        foreach (var error in scope.Errors)
        {
            problems.Add(At(path, error.Path.Replace("request_headers_to_add", field, StringComparison.Ordinal)), error.Message, error.Remedy);
        }

        if (scope.Errors.Count > 0 || !HoldText(rules, problems, path.Field(field)))
        {
            return UserAgent;
        }

        var (agent, added) = (UserAgent, new StringBuilder());
        foreach (var change in HeaderMutationsBuilder.Flatten(rules).Items)
        {
            if (change.Name.AsSpan().SequenceEqual("user-agent"u8))
            {
                agent = (change.KeepsFields ? UserAgent : "") + Encoding.UTF8.GetString(change.LinesIfPresent);
            }
            else
            {
                added.Append(Encoding.UTF8.GetString(change.LinesIfAbsent));
            }
        }

        return agent + added;
    }

    /// <summary>A check is no exchange: there is nothing that an operator could tell of it.</summary>
    private static bool HoldText(HeaderRules rules, TranslationProblems problems, ConfigPath path)
    {
        var before = problems.Found.Count;
        for (var i = 0; i < rules.Add.Length; i++)
        {
            if (!HeaderValueFormat.Parse(rules.Add[i].Value).TryGetConstant(out _))
            {
                problems.Add(
                    path.Index(i).Field("header").Field("value"), "operators have no meaning in a health check", "write text, and %% for a percent sign");
            }
        }

        return problems.Found.Count == before;
    }

    /// <summary>The place that a text such as <c>request_headers_to_add[1].header.key</c> names.</summary>
    private static ConfigPath At(ConfigPath path, string below)
    {
        foreach (var part in below.Split('.'))
        {
            var bracket = part.IndexOf('[', StringComparison.Ordinal);
            path = bracket < 0 ? path.Field(part) : path.Field(part[..bracket]).Index(int.Parse(part.AsSpan(bracket + 1, part.Length - bracket - 2), System.Globalization.CultureInfo.InvariantCulture));
        }

        return path;
    }
}
