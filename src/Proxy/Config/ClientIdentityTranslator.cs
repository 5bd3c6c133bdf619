using System.Collections.Immutable;
using System.Net;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Http.OriginalIpDetection.CustomHeader.V3;
using Envoy.Extensions.Http.OriginalIpDetection.Xff.V3;
using KubeProxyNet.Proxy.Http;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Xds.Validation;
using CidrRange = KubeProxyNet.Proxy.Transport.CidrRange;
using EscapedSlashes = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.PathWithEscapedSlashesAction;
using Underscores = Envoy.Config.Core.V3.HttpProtocolOptions.Types.HeadersWithUnderscoresAction;

namespace KubeProxyNet.Proxy.Config;

/// <summary>The settings of an HTTP connection manager that say who a client is, and what form its request takes before anything is decided by it.</summary>
internal static class ClientIdentityTranslator
{
    private const int MaxViaLength = 128;
    private const int MaxHeaderNameLength = 128;
    private const int Forbidden = 403;

    /// <summary>Adds the settings to what is known already; <paramref name="problems"/> tells what cannot be done.</summary>
    public static HttpConnectionManagerConfig Translate(
        HttpConnectionManagerConfig config, HttpConnectionManager message, TranslationProblems problems, ConfigPath path)
    {
        var scheme = message.SchemeHeaderTransformation?.SchemeToOverwrite ?? "";
        if (scheme is not ("" or "http" or "https"))
        {
            problems.Add(path.Field("scheme_header_transformation").Field("scheme_to_overwrite"), $"\"{scheme}\" is no scheme that is served", "write http or https");
        }

        if (message.Via.Length > MaxViaLength || !message.Via.All(static c => c is >= ' ' and <= '~'))
        {
            problems.Add(path.Field("via"), "is no value for a header", $"write at most {MaxViaLength} printable ASCII characters, such as \"1.1 edge\"");
        }

        return config with
        {
            UseRemoteAddress = message.UseRemoteAddress ?? false,
            XffNumTrustedHops = message.XffNumTrustedHops,
            SkipXffAppend = message.SkipXffAppend,
            OriginalIpDetections = Detections(message, problems, path),
            UnixSocketsAreInternal = message.InternalAddressConfig?.UnixSockets ?? false,
            InternalAddresses = Ranges(message.InternalAddressConfig?.CidrRanges),
            GenerateRequestId = message.GenerateRequestId ?? true,
            PreserveExternalRequestId = message.PreserveExternalRequestId,
            AlwaysSetRequestIdInResponse = message.AlwaysSetRequestIdInResponse,
            NormalizePath = message.NormalizePath ?? false,
            MergeSlashes = message.MergeSlashes,
            PathWithEscapedSlashes = message.PathWithEscapedSlashesAction switch
            {
                EscapedSlashes.RejectRequest => EscapedSlashesAction.RejectRequest,
                EscapedSlashes.UnescapeAndRedirect => EscapedSlashesAction.UnescapeAndRedirect,
                EscapedSlashes.UnescapeAndForward => EscapedSlashesAction.UnescapeAndForward,
                _ => EscapedSlashesAction.KeepUnchanged,
            },
            HeadersWithUnderscores = message.CommonHttpProtocolOptions?.HeadersWithUnderscoresAction switch
            {
                Underscores.RejectRequest => HeadersWithUnderscoresAction.RejectRequest,
                Underscores.DropHeader => HeadersWithUnderscoresAction.DropHeader,
                _ => HeadersWithUnderscoresAction.Allow,
            },
            StripHostPort = message.StripAnyHostPort ? StripPortMode.Any : message.StripMatchingHostPort ? StripPortMode.Matching : StripPortMode.None,
            StripTrailingHostDot = message.StripTrailingHostDot,
            Via = message.Via,
            SchemeToOverwrite = scheme,
            ClientCertificate = new ClientCertificateForwarding((ForwardClientCertDetails)message.ForwardClientCertDetails)
            {
                Certificate = message.SetCurrentClientCertDetails?.Cert == true,
                Chain = message.SetCurrentClientCertDetails?.Chain == true,
                Subject = message.SetCurrentClientCertDetails?.Subject == true,
                Uri = message.SetCurrentClientCertDetails?.Uri == true,
                Dns = message.SetCurrentClientCertDetails?.Dns == true,
            },
            Proxy100Continue = message.Proxy100Continue,
        };
    }

    private static ImmutableArray<OriginalIpDetection> Detections(HttpConnectionManager message, TranslationProblems problems, ConfigPath path)
    {
        var extensions = message.OriginalIpDetectionExtensions;
        path = path.Field("original_ip_detection_extensions");
        if (extensions.Count > 0 && message.UseRemoteAddress == true)
        {
            problems.Add(path, "exclude use_remote_address, which is true", "keep one of the two");
        }

        if (extensions.Count > 0 && message.XffNumTrustedHops > 0)
        {
            problems.Add(path, "exclude xff_num_trusted_hops, which is set too", "keep one of the two");
        }

        var found = ImmutableArray.CreateBuilder<OriginalIpDetection>(extensions.Count);
        for (var i = 0; i < extensions.Count; i++)
        {
            var at = path.Index(i).Field("typed_config");
            if (extensions[i].TypedConfig is { } any && any.TryUnpack<XffConfig>(out var xff))
            {
                found.Add(Xff(xff, problems, at));
            }
            else if (extensions[i].TypedConfig is { } other && other.TryUnpack<CustomHeaderConfig>(out var header))
            {
                found.Add(Header(header, problems, at));
            }
            else
            {
                problems.Add(at, "is no way to find the original address that is known", "use envoy.http.original_ip_detection.xff or custom_header");
            }
        }

        return found.Count == 0 ? [] : found.ToImmutable();
    }

    private static XffDetection Xff(XffConfig xff, TranslationProblems problems, ConfigPath path)
    {
        if (xff.XffTrustedCidrs is not null && xff.XffNumTrustedHops > 0)
        {
            problems.Add(path.Field("xff_trusted_cidrs"), "excludes xff_num_trusted_hops, which is set too", "keep one of the two");
        }

        return new XffDetection
        {
            TrustedHops = xff.XffNumTrustedHops,
            TrustedCidrs = Ranges(xff.XffTrustedCidrs?.Cidrs),
            SkipXffAppend = xff.SkipXffAppend ?? true,
        };
    }

    private static CustomHeaderDetection Header(CustomHeaderConfig header, TranslationProblems problems, ConfigPath path)
    {
        if (header.HeaderName.Length > MaxHeaderNameLength || !header.HeaderName.All(static c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c)))
        {
            problems.Add(path.Field("header_name"), $"\"{header.HeaderName}\" is no header name", "write a name such as x-real-ip");
        }

        return new CustomHeaderDetection
        {
            HeaderName = header.HeaderName.ToLowerInvariant(),
            AllowsTrust = header.AllowExtensionToSetAddressAsTrusted,

            // As in Envoy: what is no error is 403.
            RejectStatus = header.RejectWithStatus is null ? 0 : (int)header.RejectWithStatus.Code is >= 400 and < 600 and var code ? code : Forbidden,
        };
    }

    /// <summary>Ranges whose fields were checked already; a length is 0 where none is set. None of them is the default, so that such settings are equal.</summary>
    private static ImmutableArray<CidrRange> Ranges(IReadOnlyCollection<Envoy.Config.Core.V3.CidrRange>? ranges) => ranges is null or { Count: 0 }
        ? []
        : [.. ranges.Select(static range => new CidrRange(IPAddress.Parse(range.AddressPrefix), (int)(range.PrefixLen ?? 0u)))];
}
